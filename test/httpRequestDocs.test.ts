import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(__dirname, '..', 'docs', 'http-request.md');
const rows = readFileSync(FILE, 'utf8')
	.split('\n')
	.filter((line) => line.startsWith('|') && !line.startsWith('| --'))
	.map((line) => line.split('|').map((cell) => cell.trim()))
	.filter((cells) => cells.length === 5 && cells[3] !== 'test');

describe('docs/http-request.md', () => {
	it('has the parameters of the HTTP Request node', () => {
		const text = rows.map(([, feature]) => feature).join('\n');
		expect(rows.length).toBeGreaterThan(30);
		for (const name of ['Import cURL', 'Batching', 'Pagination', 'Proxy', 'Optimize Response'])
			expect(text).toContain(name);
	});

	it.each(rows)('%s%s: what is here names its test, what is not says why', (_start, ...row) => {
		const [, here = '', test = ''] = row;
		const path = /^\[\w+\]\((.+)\)$/.exec(test)?.[1];
		if (path === undefined) expect(here).toMatch(/^(no|always)\b.*: /);
		else expect(existsSync(join(FILE, '..', path))).toBe(true);
	});
});
