import { FIELD_NAMES } from '../../src/config/fields';
import { parseForm } from '../../src/config/parseForm';
import { isExpired, LONGEST_JUDGED, needsBody } from '../../src/oauth/expiredAnswer';
import { form } from '../config/fixtures';
import { costOf, LONGEST_MS } from '../support/costOf';
import { failureOf } from '../support/failureOf';

type Fields = Record<string, unknown>;

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const byBody = (
	tokenExpiredPath: string,
	tokenExpiredValue: string,
	more: Fields = {},
): Fields => ({
	tokenExpiredRule: 'body',
	...{ tokenExpiredPath, tokenExpiredValue, ...more },
});

async function says(
	fields: Fields,
	status: number,
	{ headers = JSON_TYPE, body }: { headers?: Fields; body?: unknown } = {},
): Promise<boolean> {
	const { expiry } = (await parseForm(form(fields))).connection;
	return isExpired(expiry, { status, headers, body });
}

it.each<[Fields, number, boolean]>([
	[{}, 401, true],
	[{}, 403, false],
	[{ tokenExpiredStatusCodes: ' 403, 419;400 ' }, 419, true],
	[{ tokenExpiredStatusCodes: '403' }, 401, false],
	[{ tokenExpiredStatusCodes: 403 }, 403, true],
])('%j, %i: %s', async (fields, status, expected) => {
	await expect(says(fields, status)).resolves.toBe(expected);
});

describe('WWW-Authenticate', () => {
	const challenge = (value: string): { headers: Fields } => ({
		headers: { 'www-authenticate': value },
	});

	it.each<[Fields, number, string, boolean]>([
		[{ tokenExpiredRule: 'challenge' }, 400, 'Bearer realm="a", error="invalid_token"', true],
		[{ tokenExpiredRule: 'challenge' }, 403, 'Bearer error=invalid_token', true],
		[{ tokenExpiredRule: 'challenge' }, 403, 'Bearer error="invalid_request"', false],
		[{ tokenExpiredRule: 'challenge' }, 200, 'Bearer error="invalid_token"', false],
		[{}, 403, 'Bearer error="invalid_token"', false],
		[
			{ tokenExpiredStatusCodes: '401, 403' },
			403,
			'Bearer error="insufficient_scope", scope="x"',
			false,
		],
		[{}, 401, 'Bearer error="insufficient_scope"', false],
	])('%j, %i %s: %s', async (fields, status, value, expected) => {
		await expect(says(fields, status, challenge(value))).resolves.toBe(expected);
	});
});

describe('a value in the body', () => {
	const BODY =
		'{"error":{"code":190,"text":"Token expired at 1","flag":true,"none":null},"list":[{"code":"X"}]}';

	it.each<[Fields, boolean]>([
		[byBody('error.code', '190'), true],
		[byBody('$.error.code', '190'), true],
		[byBody('error.code', '19'), false],
		[byBody('error.text', 'expired', { tokenExpiredComparison: 'contains' }), true],
		[byBody('error.text', 'expired', { tokenExpiredComparison: 'equals' }), false],
		[byBody('error.flag', 'true'), true],
		[byBody('error.none', 'null'), false],
		[byBody('list[0].code', 'X'), true],
		[byBody('list[1].code', 'X'), false],
		[byBody('list.length', '1'), false],
		[byBody('error.constructor.name', 'Object'), false],
		[byBody('__proto__', '{}'), false],
		[byBody('error', '[object Object]'), false],
		[byBody('', '"code":"X"', { tokenExpiredComparison: 'contains' }), true],
	])('%j: %s, parsed or not, with any status', async (fields, expected) => {
		for (const body of [BODY, JSON.parse(BODY) as unknown])
			await expect(says(fields, 200, { body })).resolves.toBe(expected);
		await expect(says(fields, 500, { body: BODY })).resolves.toBe(expected);
	});

	it('that is no JSON matches as a text alone', async () => {
		const body = '<error>SESSION_ENDED</error>';
		const contains = { tokenExpiredComparison: 'contains' };
		await expect(says(byBody('', 'SESSION_ENDED', contains), 200, { body })).resolves.toBe(true);
		await expect(says(byBody('error', 'SESSION_ENDED', contains), 200, { body })).resolves.toBe(
			false,
		);
	});

	it.each<[number, Fields, boolean]>([
		[200, JSON_TYPE, true],
		[200, {}, true],
		[200, { 'content-type': 'text/html' }, true],
		[200, { 'content-type': 'application/problem+json' }, true],
		[200, { 'content-type': 'application/pdf' }, false],
		[200, { ...JSON_TYPE, 'content-length': String(LONGEST_JUDGED + 1) }, false],
		[401, JSON_TYPE, false],
	])('is looked for where one can be: %i %j: %s', async (status, headers, expected) => {
		const { expiry } = (await parseForm(form(byBody('a', 'b')))).connection;
		expect(needsBody(expiry, { status, headers })).toBe(expected);
		const { expiry: usual } = (await parseForm(form())).connection;
		expect(needsBody(usual, { status, headers })).toBe(false);
	});

	it('costs little, whatever was typed and whatever is answered', async () => {
		const rule = byBody('a'.repeat(256), '('.repeat(256), { tokenExpiredComparison: 'contains' });
		const { expiry } = (await parseForm(form(rule))).connection;
		const headers = { ...JSON_TYPE, 'www-authenticate': 'error='.repeat(10_000) };
		const body = `{"${'a'.repeat(256)}":"${'('.repeat(60_000)}"}`;
		await expect(
			costOf(() => isExpired(expiry, { status: 200, headers, body })),
		).resolves.toBeLessThan(LONGEST_MS);
	});
});

it.each<[keyof typeof FIELD_NAMES, Fields, string]>([
	...[
		'200',
		'40',
		'401 x',
		'600',
		'4010',
		Array.from({ length: 21 }, (_, n) => 400 + n).join(),
	].map(
		(codes) =>
			['tokenExpiredStatusCodes', { tokenExpiredStatusCodes: codes }, 'INVALID_FIELD'] as const,
	),
	...['a..b', 'a[x]', 'a b', 'a.', 'x'.repeat(257)].map(
		(path) => ['tokenExpiredPath', byBody(path, 'x'), 'INVALID_FIELD'] as const,
	),
	['tokenExpiredValue', byBody('a', ''), 'MISSING_FIELD'],
	['tokenExpiredValue', byBody('a', 'x'.repeat(257)), 'INVALID_FIELD'],
	['tokenExpiredRule', { tokenExpiredRule: 'regex' }, 'INVALID_FIELD'],
])('%s: %j is refused', async (field, fields, code) => {
	await expect(failureOf(parseForm(form(fields)))).resolves.toMatchObject({
		code,
		field: FIELD_NAMES[field],
	});
});
