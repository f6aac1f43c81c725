import type { Fields } from '../support/database';
import { RUN } from '../support/instance';
import type { Scene } from '../support/scene';

const GRANTS: [string, (scene: Scene) => Promise<Fields>][] = [
	['Client Credentials', async (scene) => scene.form()],
	['Refresh Token', async (scene) => await scene.refreshTokenForm()],
];

type Refusal = [string, (scene: Scene) => Fields | Promise<Fields>, RegExp];

const ALL_REFUSALS: Refusal[] = [
	[
		'a wrong client secret',
		(scene) => scene.form({ clientSecret: scene.wrongSecret() }),
		/^Fix the configuration – Client Secret: .*invalid_client.* Check Client ID, Client Secret and Client Authentication\.$/,
	],
	[
		'a wrong client secret beside a good refresh token',
		async (scene) => await scene.refreshTokenForm({ clientSecret: scene.wrongSecret() }),
		/^Fix the configuration – Client Secret: .*invalid_client.* Check Client ID, Client Secret and Client Authentication\.$/,
	],
	[
		'a wrong refresh token',
		async (scene) => await scene.refreshTokenForm({ refreshToken: scene.wrongSecret() }),
		/^Reconnect needed – .*invalid_grant.* type a new Refresh Token into the credential and save\.$/,
	],
	[
		'a wrong Token URL',
		(scene) => scene.form({ tokenUrl: `${scene.provider.issuer}/nothing-here` }),
		/^Fix the configuration – Token URL: .* answered 404\. Check the address\.$/,
	],
	[
		'a host that does not answer',
		(scene) => scene.form({ tokenUrl: 'http://127.0.0.1:9/token' }),
		/^Provider temporarily unavailable – 127\.0\.0\.1:9 did not answer .* If it never worked, check Token URL\.$/,
	],
	[
		'a missing Client Secret',
		(scene) => scene.form({ clientSecret: '' }),
		/^Fix the configuration – Client Secret: it is missing\. Type Client Secret\.$/,
	],
	[
		'a missing Refresh Token',
		async (scene) => await scene.refreshTokenForm({ refreshToken: '' }),
		/^Fix the configuration – Refresh Token: it is missing\. Type Refresh Token\.$/,
	],
	[
		'a missing Token URL',
		(scene) => scene.form({ tokenUrl: '' }),
		/^Fix the configuration – Token URL: it is missing\. Fill it in/,
	],
	[
		'a missing API Base URL',
		(scene) => scene.form({ apiBaseUrl: '' }),
		/^Fix the configuration – API Base URL: it is missing\. Fill it in/,
	],
];

/** n8n 1 itself does not store a form without a required field. */
const REFUSALS = ALL_REFUSALS.filter(
	([name]) => name !== 'a missing API Base URL' || RUN.n8nVersion?.startsWith('1.') !== true,
);

/** Save, as the editor does it: n8n stores the form, then tests it. */
export function savingStories(scene: () => Scene): void {
	it.each(GRANTS)('%s: seals what was typed and says so', async (_grant, form) => {
		const before = await scene().noticed();
		const typed = await form(scene());
		const saved = await scene().save(typed);

		expect(saved.test).toEqual({ status: 'OK', message: 'Connection successful!' });
		expect(scene().secretsInForm(saved)).toEqual({});
		const after = await scene().noticed();
		expect(after.secrets - before.secrets).toBe(1);
		expect(after.tokenRequests - before.tokenRequests).toBe(1);
		const bundle = await scene().bundle(saved);
		expect(bundle.client_secret).toBe(scene().client.clientSecret);
		expect(scene().provider.isActive(bundle.token.access_token)).toBe(true);
		if (typed['refreshToken'] !== undefined) {
			// The provider has rotated it: the one that was typed is spent.
			expect(bundle.refresh_token).toMatch(/\S/);
			expect(bundle.refresh_token).not.toBe(typed['refreshToken']);
		}
	});

	it.each(REFUSALS)('%s: says what to do, and nothing is stored', async (_name, form, message) => {
		const before = await scene().noticed();
		const saved = await scene().save(await form(scene()));
		scene().discardLater(saved);

		expect(saved.test.status).toBe('Error');
		expect(saved.test.message).toMatch(message);
		expect(scene().refused.filter((secret) => saved.test.message.includes(secret))).toEqual([]);
		expect(scene().stored(saved)).not.toHaveProperty('secretRef');
		expect((await scene().noticed()).secrets).toBe(before.secrets);
		expect((await scene().noticed()).apiCalls).toBe(before.apiCalls);
	});

	it.each(GRANTS)(
		'%s: a store that refuses is named, nothing is stored, and the next save goes on from there',
		async (_grant, form) => {
			const before = await scene().noticed();
			const typed = await form(scene());
			const admit = await scene().store.refuseSecrets();
			const saved = await scene().save(typed).finally(admit);

			expect(saved.test.status).toBe('Error');
			expect(saved.test.message).toMatch(scene().store.refusal);
			expect(scene().stored(saved)).not.toHaveProperty('secretRef');
			expect((await scene().noticed()).secrets).toBe(before.secrets);

			expect(await scene().saveAgain(saved, typed)).toMatchObject({ status: 'OK' });
			expect(scene().secretsInForm(saved)).toEqual({});
			expect((await scene().noticed()).secrets).toBe(before.secrets + 1);
		},
	);

	it('a wrong secret stays in the form’s record until it is corrected', async () => {
		const wrong = scene().wrongSecret();
		const saved = await scene().save(scene().form({ clientSecret: wrong }));
		expect(scene().secretsInForm(saved)).toEqual({ clientSecret: wrong });

		const { clientSecret } = scene().client;
		expect(await scene().edit(saved, { clientSecret })).toMatchObject({ status: 'OK' });
		expect(scene().secretsInForm(saved)).toEqual({});
		expect((await scene().bundle(saved)).client_secret).toBe(clientSecret);
	});
}
