import fc from 'fast-check';
import { Readable } from 'node:stream';
import { HIDDEN, Redactor } from '../../src/redact';
import { base64, ENCODINGS, hex, percent, reveals, unicode } from '../support/secretEncodings';
import { costOf, LONGEST_MS } from '../support/costOf';

const RUNS = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 100) };

/** RFC 6749 appendix A: what secrets and tokens are made of. */
const visible = (minLength: number): fc.Arbitrary<string> =>
	fc.string({
		unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
		minLength,
		maxLength: 80,
	});
const token = fc
	.uint8Array({ minLength: 12, maxLength: 200 })
	.chain((bytes) =>
		fc
			.constantFrom<BufferEncoding>('base64', 'base64url', 'hex')
			.map((encoding) => Buffer.from(bytes).toString(encoding)),
	);
const jwt = fc
	.tuple(token, token)
	.map(([payload, signature]) => `eyJhbGciOiJSUzI1NiJ9.${payload}.${signature}`);
/** With signs of escapes, with what is written in several ways, and beyond ASCII. */
const odd = fc
	.array(
		fc.constantFrom(
			'%',
			'%2B',
			'%25',
			'\\',
			'\\n',
			'\\u0041',
			'&',
			'&amp;',
			'+',
			' ',
			'/',
			'"',
			"'",
			'<',
			'~',
			'!',
			'=',
			'-',
			'_',
			'.',
			'ä',
			'✓',
			'𝄞',
			'a',
			'b7',
		),
		{ minLength: 5, maxLength: 30 },
	)
	.map((parts) => `k9${parts.join('')}Z3`);
/** Texts that tell nothing about where they come from cannot be told from secrets. */
const isDistinct = (secret: string): boolean =>
	new Set(secret).size > 4 && !HIDDEN.includes(secret) && !secret.includes('\\\\\\');
const secrets = fc.oneof(visible(8), token, jwt, odd).filter(isDistinct);
const surroundings = fc.oneof(
	fc.string({ unit: 'grapheme', maxLength: 40 }),
	fc.constantFrom(
		'',
		'%',
		'%2',
		'\\',
		'\\u',
		'\\u00',
		'&',
		'&#',
		'"',
		'A',
		'Zm9v',
		'==',
		'\n',
		'%25',
		'Bearer ',
		'Basic ',
	),
);

const atOnce = (redactor: Redactor, content: Buffer): Buffer => redactor.file(content) as Buffer;

async function streamed(redactor: Redactor, content: Buffer, sizes: number[]): Promise<string> {
	const chunks: Buffer[] = [];
	for (let at = 0, index = 0; at < content.length; index += 1) {
		const size = sizes[index % sizes.length] ?? 1;
		chunks.push(content.subarray(at, at + size));
		at += size;
	}
	const out: Buffer[] = [];
	for await (const chunk of redactor.file(Readable.from(chunks)) as Readable)
		out.push(chunk as Buffer);
	return Buffer.concat(out).toString('latin1');
}

describe.each(Object.entries(ENCODINGS))('a secret written as %s', (name, write) => {
	// One step of escaping that is as common in the text itself as in the secret.
	const isAmbiguous = (secret: string): boolean =>
		name === 'URL component, twice' && secret.includes('%');

	it('leaves nothing of it, whatever is around it', () => {
		fc.assert(
			fc.property(secrets, surroundings, surroundings, (secret, before, after) => {
				fc.pre(!isAmbiguous(secret));
				const safe = new Redactor([secret]).text(`${before}${write(secret)}${after}`);
				expect(safe).toContain(HIDDEN);
				expect(reveals(safe, secret)).toBe(false);
			}),
			RUNS,
		);
	});
});

it.each([0, 1, 2])('finds a secret %i bytes into a group of a longer Base64 text', (offset) => {
	fc.assert(
		fc.property(
			secrets,
			fc.string({ maxLength: 20 }),
			fc.constantFrom<BufferEncoding>('base64', 'base64url'),
			(secret, after, encoding) => {
				const long = Buffer.from(`${'x'.repeat(30 + offset)}${secret}${after}`).toString(encoding);
				const safe = new Redactor([secret]).text(long);
				expect(safe).toContain(HIDDEN);
				expect(reveals(safe, secret)).toBe(false);
			},
		),
		RUNS,
	);
});

it('escapes of any characters, mixed', () => {
	const ways = [
		(c: string): string => c,
		unicode,
		(c: string): string => unicode(c).toUpperCase().replace('U', 'u'),
		percent,
		(c: string): string => `&#x${hex(c)};`,
	];
	fc.assert(
		fc.property(
			token.filter(isDistinct),
			fc.array(fc.nat(ways.length - 1), { minLength: 1 }),
			surroundings,
			(secret, choice, after) => {
				const written = secret
					.split('')
					.map((c, index) => ways[choice[index % choice.length]!]!(c))
					.join('');
				expect(new Redactor([secret]).text(`"${written}" ${after}`)).toBe(`"${HIDDEN}" ${after}`);
			},
		),
		RUNS,
	);
});

it('text without a secret stays as it is, byte by byte', async () => {
	await fc.assert(
		fc.asyncProperty(
			token,
			jwt,
			fc.oneof(fc.string({ unit: 'binary' }), fc.json(), surroundings),
			fc.uint8Array(),
			async (one, two, text, bytes) => {
				const redactor = new Redactor([one, two, undefined, '', 'abc']);
				expect(redactor.text(text)).toBe(text);
				const content = Buffer.from(bytes);
				expect(atOnce(redactor, content).equals(content)).toBe(true);
				expect(await streamed(redactor, content, [3, 50])).toBe(content.toString('latin1'));
			},
		),
		RUNS,
	);
});

it('a file that comes in pieces is the same as one that comes at once', async () => {
	await fc.assert(
		fc.asyncProperty(
			secrets,
			fc.array(
				fc.tuple(fc.uint8Array({ maxLength: 50 }), fc.constantFrom(...Object.values(ENCODINGS))),
				{ minLength: 1, maxLength: 6 },
			),
			fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
			async (secret, parts, sizes) => {
				const content = Buffer.concat(
					parts.flatMap(([bytes, write]) => [
						Buffer.from(bytes),
						Buffer.from(`\n${write(secret)}\n`),
					]),
				);
				const redactor = new Redactor([secret]);
				expect(await streamed(redactor, content, sizes)).toBe(
					atOnce(redactor, content).toString('latin1'),
				);
			},
		),
		RUNS,
	);
});

it('names, texts and numbers of JSON are read before they are looked at', () => {
	fc.assert(
		fc.property(secrets, fc.constantFrom(...Object.values(ENCODINGS)), (secret, write) => {
			const redactor = new Redactor([secret]);
			const value = { [`a ${write(secret)}`]: [{ b: write(secret), n: null }], ok: true };
			const text = JSON.stringify(value);
			expect(redactor.json(text)).toEqual({
				[redactor.text(`a ${write(secret)}`)]: [{ b: redactor.text(write(secret)), n: null }],
				ok: true,
			});
		}),
		RUNS,
	);
	expect(new Redactor(['48151623']).json('{"id":48151623,"n":5}')).toEqual({ id: HIDDEN, n: 5 });
	expect(() => new Redactor(['k']).json('{')).toThrow(SyntaxError);
	const hostile = new Redactor(['secret-1']).json('{"__proto__":{"secret-1":1}}') as object;
	expect(JSON.stringify(hostile)).toBe(`{"__proto__":{"${HIDDEN}":1}}`);
});

it('the longest of several secrets is hidden, and each of them', () => {
	const redactor = new Redactor(['token-a', 'token-a-and-more', 'other-b']);
	expect(redactor.text('token-a-and-more, token-a, other-b.')).toBe(
		`${HIDDEN}, ${HIDDEN}, ${HIDDEN}.`,
	);
});

it('a secret of less than four bytes is not looked for', () => {
	expect(new Redactor(['a', 'abc', '']).text('abc a abc')).toBe('abc a abc');
	expect(new Redactor(['abcd']).text('abcd abc')).toBe(`${HIDDEN} abc`);
	expect(new Redactor([]).text('%41 \\u0041 &amp;')).toBe('%41 \\u0041 &amp;');
});

describe('no text takes long', () => {
	const long = `${Buffer.alloc(1500, 'kQ7-x_Z').toString('base64url')}.sig`;
	const size = 100_000;
	const filled = (part: string): string =>
		part.repeat(Math.ceil(size / part.length)).slice(0, size);
	const cases: [string, string, string][] = [
		[
			'a log',
			long,
			filled(
				'2026-01-01 GET https://api.example.com/v1/items?page=2&size=50 200 "ok" \\"quoted\\"\n',
			),
		],
		['its first character', long, filled(long[0]!)],
		['almost all of it', long, filled(long.slice(0, -1))],
		['a run of one character', 'a'.repeat(4000), filled(`${'a'.repeat(3999)}b`)],
		['half of it in Base64', long, filled(base64(long).slice(0, -9))],
		['percent signs', long, filled('%')],
		['%25', long, filled('%25')],
		['%20', long, filled('%20')],
		['backslashes', long, filled('\\')],
		['\\u', long, filled('\\u00')],
		['ampersands', long, filled('&')],
		['entities', long, filled('&#0000')],
		['line breaks behind its first character', long, `${long[0]!}${filled('\r\n')}`],
		['itself', long, filled(`${long} `)],
		['itself in Base64', long, filled(`${base64(long)} `)],
		['itself escaped', long, filled(`${percent(long)} `)],
	];

	it.each(cases)('100 KB of %s', async (_name, secret, text) => {
		const redactor = new Redactor([secret]);
		expect(await costOf(() => redactor.text(text))).toBeLessThan(LONGEST_MS);
	});

	it('a text that almost fits everywhere is hidden as a whole', () => {
		expect(new Redactor(['a'.repeat(4000)]).text(filled(`${'a'.repeat(3999)}b`))).toBe(HIDDEN);
	});
});
