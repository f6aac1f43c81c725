import { vaultedOAuth2 } from '../support/nodes';
import { newSecret, type Saved, type Scene } from '../support/scene';

/** A saved credential is opened again, changed, and saved again. */
export function editingStories(scene: () => Scene): void {
	/** Runs a call with the credential, to see that it still works; the access token that the store holds then. */
	async function tokenInUse(saved: Saved): Promise<string> {
		const node = vaultedOAuth2(scene(), saved, { path: '/me' });
		const { status } = await scene().run(await scene().workflow(node));
		expect(status).toBe('success');
		return (await scene().bundle(saved)).token.access_token;
	}

	it('opening it shows neither secret nor pointer, and asks for no token', async () => {
		const saved = await scene().seal(await scene().refreshTokenForm());
		const { key } = scene().pointer(saved);
		const stored = scene().stored(saved);
		const before = await scene().noticed();
		const { form, test } = await scene().reopen(saved);

		expect(test.status).toBe('OK');
		expect(form.data['secretRef']).toMatch(/^__n8n_BLANK_VALUE_/);
		expect(form.data['clientSecret']).toMatch(/^__n8n_EMPTY_VALUE_/);
		expect(form.data['refreshToken']).toMatch(/^__n8n_EMPTY_VALUE_/);
		expect(JSON.stringify(form)).not.toContain(key);
		expect((await scene().noticed()).tokenRequests).toBe(before.tokenRequests);
		expect(scene().stored(saved)).toEqual(stored);
	});

	it('another scope: the secret stays sealed, and a token of that scope is used', async () => {
		const saved = await scene().seal();
		const [former, bundle] = [scene().stored(saved), await scene().bundle(saved)];
		const before = await scene().noticed();

		const scope = 'api:read api:write';
		expect(await scene().edit(saved, { scope })).toMatchObject({ status: 'OK' });
		expect(scene().stored(saved)).toEqual({ ...former, scope });
		expect(await tokenInUse(saved)).not.toBe(bundle.token.access_token);
		expect(await scene().bundle(saved)).toMatchObject({
			client_secret: bundle.client_secret,
			token: { scope },
		});
		expect((await scene().noticed()).secrets).toBe(before.secrets);
	});

	it('a new client secret is sealed and blanked by that save, in the same place', async () => {
		const { clientId } = scene().changingClient;
		const saved = await scene().seal(scene().form({ ...scene().changingClient }));
		const former = scene().stored(saved);
		const before = await scene().noticed();

		const clientSecret = newSecret('client-secret');
		await scene().provider.changeClientSecret(clientId, clientSecret);
		scene().changingClient = { clientId, clientSecret };
		expect(await scene().edit(saved, { clientSecret })).toMatchObject({ status: 'OK' });
		expect(scene().stored(saved)).toEqual(former);
		expect((await scene().bundle(saved)).client_secret).toBe(clientSecret);
		expect((await scene().noticed()).secrets).toBe(before.secrets);
		await tokenInUse(saved);
	});

	it('a new refresh token is sealed and blanked by that save, in the same place', async () => {
		const saved = await scene().seal(await scene().refreshTokenForm());
		const [former, bundle] = [scene().stored(saved), await scene().bundle(saved)];
		scene().provider.revokeGrantOf(bundle.token.access_token);

		const refreshToken = await scene().provider.mintRefreshToken(scene().client.clientId);
		expect(await scene().edit(saved, { refreshToken })).toMatchObject({ status: 'OK' });
		expect(scene().stored(saved)).toEqual(former);
		expect((await scene().bundle(saved)).refresh_token).not.toBe(bundle.refresh_token);
		await tokenInUse(saved);
	});

	it('a wrong client secret: the bundle keeps the right one, the form’s record the wrong one until it is corrected', async () => {
		const saved = await scene().seal();
		const [former, bundle] = [scene().stored(saved), await scene().bundle(saved)];
		const wrong = scene().wrongSecret();

		const refusal = await scene().edit(saved, { clientSecret: wrong });
		expect(refusal.status).toBe('Error');
		expect(refusal.message).toMatch(/^Fix the configuration – Client Secret: .*invalid_client/);
		expect(scene().stored(saved)).toEqual({ ...former, clientSecret: wrong });
		expect(await scene().bundle(saved)).toEqual(bundle);

		// Opened again, it says the same.
		expect((await scene().reopen(saved)).test).toEqual(refusal);

		expect(await scene().edit(saved, { clientSecret: '' })).toMatchObject({ status: 'OK' });
		expect(scene().stored(saved)).toEqual(former);
		await tokenInUse(saved);
	});

	describe('in the form that is still open, with what was typed still in it', () => {
		it('another scope: sealed into the same bundle, and blank again', async () => {
			const typed = scene().form();
			const saved = await scene().seal(typed);
			const former = scene().stored(saved);
			const before = await scene().noticed();

			const scope = 'api:read api:write';
			const again = await scene().saveAgain(saved, { ...typed, scope });
			expect(again).toMatchObject({ status: 'OK' });
			expect(scene().stored(saved)).toEqual({ ...former, scope });
			expect((await scene().noticed()).secrets).toBe(before.secrets);
			await tokenInUse(saved);
		});

		it('a refresh token that has been rotated since it was typed does no harm', async () => {
			const typed = await scene().refreshTokenForm();
			const saved = await scene().seal(typed);
			const former = scene().stored(saved);
			const { provider } = scene();
			const reuses = provider.countTokenRequests({ result: 'invalid_grant' });

			const again = await scene().saveAgain(saved, { ...typed, validationPath: '/me' });
			expect(again).toMatchObject({ status: 'OK' });
			expect(scene().stored(saved)).toEqual({ ...former, validationPath: '/me' });
			expect(provider.countTokenRequests({ result: 'invalid_grant' })).toBe(reuses);
			await tokenInUse(saved);
		});

		it('a wrong secret, then the right one: the same bundle is found again', async () => {
			const typed = scene().form();
			const saved = await scene().seal(typed);
			const former = scene().stored(saved);
			const wrong = scene().wrongSecret();

			const refusal = await scene().saveAgain(saved, { ...typed, clientSecret: wrong });
			expect(refusal.message).toMatch(/^Fix the configuration – Client Secret: /);
			expect(scene().secretsInForm(saved)).toEqual({ clientSecret: wrong });

			expect(await scene().saveAgain(saved, typed)).toMatchObject({ status: 'OK' });
			expect(scene().stored(saved)).toEqual(former);
		});
	});
}
