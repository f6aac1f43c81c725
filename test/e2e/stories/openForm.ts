import { connectionNode } from '../../../demo/connection';
import { Person } from '../../../demo/harness/person';
import type { Editor } from '../support/editor';
import { PASTE_URI, type Saved, type Scene } from '../support/scene';

/** An account is connected in a form that stays open, and more is changed in that form. */
export function openFormStories(scene: () => Scene, editor: () => Editor): void {
	async function refreshes(saved: Pick<Saved, 'id' | 'name'>): Promise<boolean> {
		const node = connectionNode(saved, 'refreshNow');
		return (await scene().run(await scene().workflow(node))).status === 'success';
	}

	it('connected by pasting, then another field, then a blanked secret: the account stays connected', async () => {
		const { accounting, app } = scene();
		const before = await scene().noticed();
		const { label } = scene().form();
		await editor().newCredential('Vaulted OAuth2 API');
		await editor().choose('grantType', 'Authorization Code');
		await editor().choose('secretStore', 'Local Vault');
		await editor().fill({
			label,
			issuerUrl: accounting.provider.issuer,
			// The editor cannot type into n8n's JSON field; the provider needs it for a refresh token.
			authorizationUrl: `${accounting.provider.authorizationEndpoint}?prompt=consent`,
			redirectUri: PASTE_URI,
			...app,
			scope: 'openid offline_access accounting.transactions',
			apiBaseUrl: accounting.api.url,
		});
		const { id, test } = await editor().save();
		const saved = { id, name: String(label) };
		const { key } = scene().pointer(saved);
		const [address = ''] = /http\S+$/.exec(test.message) ?? [];
		const { url } = await new Person(({ href }) => href.startsWith(PASTE_URI)).consent(address);

		await editor().fill({ authorizationResponse: url.href });
		expect((await editor().save()).test).toMatchObject({ status: 'OK' });
		const { refresh_token: first } = await scene().bundle(saved);
		expect(first).toMatch(/\S/);

		await editor().fill({ validationPath: '/me' });
		expect((await editor().save()).test).toMatchObject({ status: 'OK' });
		expect(scene().pointer(saved).key).toBe(key);
		expect((await scene().bundle(saved)).refresh_token).toBe(first);
		expect(await refreshes(saved)).toBe(true);

		// The open form does not know that a secret is sealed, and says how to go on.
		await editor().fill({ clientSecret: '' });
		expect((await editor().save()).test.message).toMatch(
			/^Fix the configuration – Client Secret: it is missing\..* type it once more and save, and the same connection is found\./,
		);
		await editor().fill({ clientSecret: app.clientSecret });
		expect((await editor().save()).test).toMatchObject({ status: 'OK' });
		expect(scene().pointer(saved).key).toBe(key);
		expect(await refreshes(saved)).toBe(true);

		// Opened again, the field is blank and stays so.
		expect((await editor().openCredential(id)).test.status).toBe('OK');
		expect(await editor().value('clientSecret')).toBe('');
		await editor().fill({ validationPath: '' });
		expect((await editor().save()).test).toMatchObject({ status: 'OK' });
		expect(scene().secretsInForm(saved)).toEqual({});
		expect(scene().pointer(saved).key).toBe(key);
		expect(await refreshes(saved)).toBe(true);
		expect((await scene().noticed()).secrets).toBe(before.secrets + 1);
	});
}
