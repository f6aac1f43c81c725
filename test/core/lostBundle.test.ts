import type { SecretStoreCode } from '../../src/errors';
import { parseSecretRef } from '../../src/secrets/pointer';
import { failureOf } from '../support/failureOf';
import { MemoryStore } from '../support/memoryStore';
import { CLIENT, WholeCore, type Form } from '../support/wholeCore';

/** For every code with which a bundle cannot be read: whether a form with every secret typed gets a new one. */
const IS_LOST: Record<SecretStoreCode, boolean> = {
	BUNDLE_INVALID: true,
	DECRYPTION_FAILED: true,
	DELETED: true,
	KEY_MISMATCH: true,
	NOT_FOUND: true,
	ROLLED_BACK: true,
	// The bundle is there, and somebody who may read it goes on with it.
	ACCESS_DENIED: false,
	ALREADY_EXISTS: false,
	BUNDLE_TOO_NEW: false,
	INVALID_REQUEST: false,
	LIMIT_EXCEEDED: false,
	NOT_SAVED: false,
	THROTTLED: false,
	TOO_LARGE: false,
	UNAVAILABLE: false,
	UNREACHABLE: false,
};
const CODES = Object.entries(IS_LOST) as [SecretStoreCode, boolean][];

let core: WholeCore;
beforeAll(async () => {
	core = await WholeCore.start('localVault');
});
afterAll(async () => {
	await core.close();
});

/** A saved form whose bundle a new process cannot read from now on. */
async function unreadable(code: SecretStoreCode) {
	const store = new MemoryStore();
	const start = () => core.process({ openStore: () => store });
	const saved = await core.save(core.form({ label: `Lost ${code}` }), start());
	store.fail('read', code, Infinity);
	return { saved, store, other: start() };
}

function secretIdOf({ secretRef }: Form): string {
	return parseSecretRef(String(secretRef), { kind: 'localVault' }).secretId;
}

it.each(CODES.filter(([, isLost]) => isLost))(
	'%s: a form with every secret typed gets a new bundle',
	async (code) => {
		const { saved, store, other } = await unreadable(code);
		const again = await core.save({ ...saved, clientSecret: CLIENT.clientSecret }, other);
		expect(secretIdOf(again)).not.toBe(secretIdOf(saved));
		store.heal();
		await expect(core.call(again, other)).resolves.toBe(200);
	},
);

it.each(CODES.filter(([, isLost]) => !isLost))(
	'%s: the bundle stays the one of this form, whatever is typed',
	async (code) => {
		const { saved, store, other } = await unreadable(code);
		const typed = { ...saved, clientSecret: CLIENT.clientSecret };
		await expect(failureOf(core.save(typed, other))).resolves.toMatchObject({ code });
		expect(store.secrets.size).toBe(1);
		store.heal();
		const again = await core.save(typed, core.process({ openStore: () => store }));
		expect(secretIdOf(again)).toBe(secretIdOf(saved));
	},
);

it.each(CODES)('%s: nothing new is made for a form with a blank secret', async (code) => {
	const { saved, store, other } = await unreadable(code);
	const changed = { ...saved, scope: 'api:read', refreshBufferSeconds: 60 };
	await expect(failureOf(core.call(changed, other))).resolves.toMatchObject({ code });
	expect(store.secrets.size).toBe(1);
});

it.each(['{}', 'not json', '{"v":2}'])(
	'a damaged pointer (%s): a form with every secret typed gets a new bundle, another one none',
	async (secretRef) => {
		const form = core.form({ label: `Damaged ${secretRef}`, secretRef });
		await expect(failureOf(core.call({ ...form, clientSecret: '' }))).resolves.toMatchObject({
			code: 'INVALID_SECRET_REF',
		});
		await expect(core.call(await core.save(form))).resolves.toBe(200);
	},
);
