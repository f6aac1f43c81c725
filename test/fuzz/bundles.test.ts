import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';

import { formatBundle, parseBundle } from '../../src/secrets/bundleFormat';
import { assertClassified, fuzz } from './fuzz';
import { assertNoSecret, SECRETS } from './secrets';
import { damaged, deepJson, inherited, json, text } from './values';

type Json = Record<string, unknown>;

const TIME = '2026-01-01T00:00:00.000Z';
const DPOP_KEY = {
	...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
	alg: 'ES256',
	kid: 'thumbprint',
};
const whole = (): Json => ({
	vaulted_oauth2: 1,
	label: 'Example CRM',
	key_sha256: 'a'.repeat(64),
	sealed_for: {
		grant_type: 'refresh_token',
		client_id: 'crm',
		token_endpoint: 'https://login.example.com/token',
		api_origins: ['https://api.example.com'],
	},
	client_secret: SECRETS.stored,
	refresh_token: SECRETS.refreshToken,
	dpop_key: { ...DPOP_KEY },
	token: {
		access_token: SECRETS.stored,
		issued_at: TIME,
		expires_at: null,
		requested_for: 'b'.repeat(64),
		dpop_jkt: DPOP_KEY.kid,
	},
	other_tokens: {
		['c'.repeat(64)]: {
			access_token: SECRETS.stored,
			issued_at: TIME,
			expires_at: TIME,
			requested_for: 'c'.repeat(64),
		},
	},
	typed_sha256: { client_secret: 'd'.repeat(64) },
	authorization: {
		connected_at: TIME,
		connected_by: 'x',
		used: { id: { owner: 'o', until: TIME } },
	},
	refused: {
		at: TIME,
		request_sha256: 'e'.repeat(64),
		tries: 2,
		cause: { class: 'provider', code: 'X', title: 'T', detail: 'D' },
	},
	lease: { owner: 'o', until: TIME, seconds: 60 },
	generation: 3,
	issued_sha256: 'f'.repeat(64),
});
/** Where something of a bundle is. */
const PLACES = Object.entries(whole()).flatMap(([key, inner]) => [
	[key],
	...(typeof inner === 'object' && inner !== null
		? Object.keys(inner).map((name) => [key, name])
		: []),
]);
/** Objects in which others may keep keys of their own, as long as the objects are there. */
const OPEN = [[], ['sealed_for'], ['token'], ['typed_sha256'], ['authorization'], ['refused'], ['lease']]; // prettier-ignore

/** Not by assignment, which takes `__proto__` for something else. */
function set(target: Json, name: string, value: unknown): void {
	Object.defineProperty(target, name, {
		value,
		enumerable: true,
		configurable: true,
		writable: true,
	});
}

function at(root: Json, path: readonly string[]): Json {
	let current = root;
	for (const step of path) current = current[step] as Json;
	return current;
}

const withChanges = fc
	.array(fc.tuple(fc.constantFrom(...PLACES), fc.oneof(json, text)), { maxLength: 4 })
	.map((changes) => {
		const bundle = whole();
		for (const [path, value] of changes) {
			const parent: unknown = at(bundle, path.slice(0, -1));
			if (typeof parent === 'object' && parent !== null) set(parent as Json, path.at(-1)!, value);
		}
		return JSON.stringify(bundle);
	});

fuzz('bundles', {
	share: 13,
	of: fc.oneof(
		withChanges,
		damaged(withChanges),
		text,
		fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString()),
		fc.json(),
		deepJson,
		deepJson.map((deep) => JSON.stringify(whole()).replace(/}$/, `,"unknown":${deep}}`)),
	),
	run(content) {
		const bundle = parseBundle(content, 'name');
		const written = formatBundle(bundle);
		return { written, again: formatBundle(parseBundle(written, 'name')) };
	},
	check(outcome) {
		assertClassified(outcome, 'secretStore');
		assertNoSecret(outcome.error);
		if (outcome.error !== undefined) return;
		const { written, again } = outcome.result as Record<'written' | 'again', string>;
		if (again !== written) throw new Error(`${written} is read as ${again}`);
	},
});

fuzz('unknown keys of bundles', {
	share: 7,
	of: fc.array(
		fc.tuple(
			fc.constantFrom(...OPEN),
			fc.oneof(
				inherited,
				fc.string({ maxLength: 10 }).map((name) => `x${name}`),
			),
			json,
		),
		{ minLength: 1, maxLength: 6 },
	),
	run(extra) {
		const bundle = whole();
		for (const [path, name, value] of extra) set(at(bundle, path), name, value);
		const text = JSON.stringify(bundle);
		const written = formatBundle(parseBundle(text, 'name'));
		return { before: JSON.parse(text) as Json, after: JSON.parse(written) as Json };
	},
	check(outcome, extra) {
		assertClassified(outcome);
		if (outcome.error !== undefined) throw outcome.error as Error;
		const { before, after } = outcome.result as Record<'before' | 'after', Json>;
		for (const [path, name] of extra) {
			const [was, is] = [at(before, path), at(after, path)];
			if (!Object.hasOwn(is, name)) throw new Error(`${[...path, name].join('.')} is gone`);
			if (JSON.stringify(is[name]) !== JSON.stringify(was[name]))
				throw new Error(`${[...path, name].join('.')} has changed`);
		}
	},
});
