// `npm run bench:n8n`: see inN8n.mts. BENCH_ROUNDS says how many rounds; 5 if not set.
import { benchInN8n, type Way } from './inN8n.mts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());

function median(values: readonly number[]): number {
	const sorted = [...values].sort((one, other) => one - other);
	const middle = Math.floor(sorted.length / 2);
	const [low = 0, high = low] = sorted.slice(middle - 1 + (sorted.length % 2), middle + 1);
	return sorted.length % 2 === 1 ? low : (low + high) / 2;
}

const tables = await benchInN8n(
	{ root: process.cwd(), report: (line) => process.stderr.write(`${line}\n`), signal: stop.signal },
	rounds,
);
for (const { title, ways } of tables) {
	const own = median(ways[0]?.milliseconds ?? []);
	const line = ({ name, milliseconds, connections }: Way): string =>
		`| ${name} | ${median(milliseconds)} | ${Math.min(...milliseconds)}–${Math.max(...milliseconds)} | ${median(connections)} | ${(own / median(milliseconds)).toFixed(2)} |`;
	console.log(`\n${title}: 1,000 GETs, ${rounds} rounds, all ways in turn\n`);
	console.log('| | ms, median | range | connections | this node ÷ it |');
	console.log('|---|---:|---:|---:|---:|');
	for (const way of ways) console.log(line(way));
}
