import { grouped, jsonFields, type Field } from '../../nodes/VaultedOAuth2/actions/apiRequest/body';
import { fileNameOf } from '../../nodes/VaultedOAuth2/actions/apiRequest/fileName';
import { resolveApiUrl } from '../../src/config/apiUrl';
import { parseForm } from '../../src/config/parseForm';
import { isSecureUrl } from '../../src/config/secureUrl';
import { createGuard } from '../../src/http/policy';
import { quoted } from '../../src/oauth/quoted';
import { readBody, readLifetime } from '../../src/oauth/tokenResponse';
import { Redactor } from '../../src/redact';
import { parseBundle } from '../../src/secrets/bundleFormat';
import { secretNameFor } from '../../src/secrets/secretName';
import { systemClock } from '../../src/tokens/clock';
import { Replacements } from '../../src/tokens/replacements';
import { awsForm, form } from '../config/fixtures';
import { costOf, LONGEST_MS } from '../support/costOf';

const LENGTH = 100_000;
/** 100 KB of `text`, again and again. */
const long = (text: string): string => text.repeat(Math.ceil(LENGTH / text.length));
/** What becomes 100 KB in an address, where some characters are written as three. */
const forAddress = (text: string): string => text.slice(0, LENGTH / 3);

const guard = createGuard({
	blockedIpRanges: ['10.0.0.0/8'],
	allowedIpRanges: [],
	blockedHostnames: ['*.internal'],
	allowedHostnames: [],
});
const target = {
	apiBaseUrl: 'https://api.example.com/v1',
	apiOrigins: ['https://api.example.com'],
};
const redactor = new Redactor(['example-secret', 'aaaaa']);
const attempt = (run: () => unknown): void => {
	try {
		run();
	} catch {
		// Only the time it takes is looked at.
	}
};
const attemptForm = async (fields: Record<string, unknown>): Promise<unknown> =>
	await parseForm(fields).catch(() => undefined);
const rows = (name: (index: number) => string): Field[] =>
	Array.from({ length: 5000 }, (_, index) => ({ name: name(index), value: index }));
const refuse = (): never => {
	throw new Error('refused');
};

const tooSlow = (repeated: string, cost: number): string =>
	`${JSON.stringify(repeated)} again and again takes ${Math.round(cost)} ms`;

/** What is repeated, with something in front and behind that keeps a pattern from matching. */
const REPEATED = [
	'a', ' ', '\n', '\r\n', '\t', '-', '.', '%', '#', '?', '=', '&', 'a=&', 'a=&a=<', '/', '//', '../', '%2e%2e/', '..;', '%2f..;',
	':', ';', ',', '"', "'", '\\', '\\"', '[', ']', '[0]', 'a.', '0', '9', '0.', 'é', '\u0300', '\ud800', '\u0000', '{tenantId}',
	'filename=', 'filename="', 'filename*=', "filename*=a'", '{"a":', 'https://', '127.',
]; // prettier-ignore

const READERS: Record<string, (text: string) => unknown> = {
	'a token answer': (text) => readBody({ status: 200, headers: {}, body: text }),
	'a token answer that says it is a form': (text) =>
		readBody({
			status: 200,
			headers: { 'content-type': 'application/x-www-form-urlencoded' },
			body: text,
		}),
	'a lifetime': readLifetime,
	'a provider’s words': (text) => quoted(text, redactor),
	'a secret of the store': (text) => attempt(() => parseBundle(text, 'name')),
	'an address': isSecureUrl,
	'a path': (text) => attempt(() => resolveApiUrl(target, forAddress(text), 'Path')),
	'a host name': (text) => attempt(() => guard.checkHost(text)),
	'an address of a host': (text) => attempt(() => guard.checkHost(`fe80::1%${text}`)),
	'an endpoint': (text) => new Replacements(systemClock).isWorthwhile(text),
	'a file name': (text) =>
		fileNameOf(`attachment; ${text}`, new URL('https://api.example.com/'), redactor),
	'a label': (text) => secretNameFor({ label: text, store: { kind: 'localVault' } }),
	'a name of a body field': (text) => attempt(() => jsonFields([{ name: text, value: 1 }], refuse)),
};

describe.each(Object.entries(READERS))('%s of 100 KB', (_what, read) => {
	test('is read within 50 ms, whatever it repeats', async () => {
		for (const repeated of REPEATED) {
			for (const [before, after] of [
				['', ''],
				['a', '<'],
				['=', '\n!'],
			] as const) {
				const text = `${before}${long(repeated)}${after}`;
				const cost = await costOf(() => read(text));
				if (cost > LONGEST_MS) throw new Error(tooSlow(repeated, cost));
			}
		}
	});
});

test.each([...Object.keys(awsForm()), 'resource', 'authorizationResponse', 'awsRoleArn'])(
	'%s of 100 KB is read within 50 ms, whatever it repeats',
	async (field) => {
		for (const repeated of REPEATED) {
			const text = `a${long(repeated)}<`;
			const fields = awsForm({ [field]: field === 'validationPath' ? forAddress(text) : text });
			const cost = await costOf(async () => await attemptForm(fields));
			if (cost > LONGEST_MS) throw new Error(tooSlow(repeated, cost));
		}
	},
);

test.each<[string, () => unknown]>([
	['of one name', () => grouped(rows(() => 'tag'))],
	['of names of their own', () => grouped(rows(String))],
	[
		'one below the other',
		() =>
			jsonFields(
				rows((index) => `a.${index % 7}.b${index}`),
				refuse,
			),
	],
	[
		'in one list',
		() =>
			jsonFields(
				rows((index) => `a[${index % 1000}]`),
				refuse,
			),
	],
])('5,000 fields %s are read within 50 ms', async (_how, read) => {
	expect(await costOf(read)).toBeLessThan(LONGEST_MS);
});

test('a text in place of a choice is not remembered', async () => {
	await attemptForm(form({ secretStore: 'none' }));
	const before = performance.now();
	for (let count = 0; count < 20; count += 1)
		await attemptForm(form({ secretStore: `none of the form's ${count}` }));
	const each = (performance.now() - before) / 20;
	expect(each).toBeLessThan(5);
});

test('line breaks around a typed secret are not part of it, those within are', async () => {
	const { typed } = await parseForm(form({ clientSecret: '\r\n\na\n\nb\r\n\n' }));
	expect(typed.clientSecret).toBe('a\n\nb');
});
