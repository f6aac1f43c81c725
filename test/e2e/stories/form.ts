import { httpRequest, vaultedOAuth2 } from '../support/nodes';
import type { Editor } from '../support/editor';
import { newSecret, type Scene } from '../support/scene';

const TYPE = 'Vaulted OAuth2 API';
const WRONG_SECRET = /^Fix the configuration – Client Secret: .*invalid_client.* Check Client ID/;

/** n8n's own form and canvas, in Chromium. */
export function formStories(scene: () => Scene, editor: () => Editor): void {
	/** The form for Client Credentials, as a person fills it in. */
	async function fillIn(changes: Record<string, unknown> = {}): Promise<void> {
		const { secretStore, ...fields } = scene().form(changes);
		await editor().newCredential(TYPE);
		if (secretStore === 'localVault') await editor().choose('secretStore', 'Local Vault');
		const { awsCredentials: _default, ...typed } = fields;
		await editor().fill(typed);
	}

	/** One of the pictures of the documentation, which show the local vault. */
	async function picture(name: string): Promise<void> {
		if (scene().store.kind === 'localVault') await editor().screenshot(name);
	}

	it('fill, Save: the green banner, a blank in the database, the bundle in the store', async () => {
		const before = await scene().noticed();
		await fillIn({ label: 'Example CRM', validationPath: '/me' });
		await editor().rename('Example CRM');
		const saved = await editor().save();
		await picture('credential-saved');

		expect(saved.test.status).toBe('OK');
		expect(scene().secretsInForm(saved)).toEqual({});
		const { client_secret: clientSecret } = await scene().bundle(saved);
		expect(clientSecret).toBe(scene().client.clientSecret);
		expect((await scene().noticed()).secrets).toBe(before.secrets + 1);
	});

	it('wrong secret, Save: the red banner with the reason, and nothing in the store; then the right one', async () => {
		const before = await scene().noticed();
		const wrong = scene().wrongSecret();
		await fillIn({ label: 'Example ERP', clientSecret: wrong });
		await editor().rename('Example ERP');
		const saved = await editor().save();
		await picture('credential-refused');

		expect(saved.test.message).toMatch(WRONG_SECRET);
		expect(scene().secretsInForm(saved)).toEqual({ clientSecret: wrong });
		expect(scene().stored(saved)).not.toHaveProperty('secretRef');
		expect((await scene().noticed()).secrets).toBe(before.secrets);

		await editor().fill({ clientSecret: scene().client.clientSecret });
		expect((await editor().save()).test.status).toBe('OK');
		expect(scene().secretsInForm(saved)).toEqual({});
		expect((await scene().noticed()).secrets).toBe(before.secrets + 1);
	});

	it('never closed: another scope, a wrong secret, the right one again', async () => {
		await fillIn();
		const saved = await editor().save();
		const former = scene().stored(saved);
		const before = await scene().noticed();

		const scope = 'api:read api:write';
		await editor().fill({ scope });
		expect((await editor().save()).test.status).toBe('OK');
		expect(scene().stored(saved)).toEqual({ ...former, scope });

		const wrong = scene().wrongSecret();
		await editor().fill({ clientSecret: wrong });
		expect((await editor().save()).test.message).toMatch(WRONG_SECRET);
		expect(scene().secretsInForm(saved)).toEqual({ clientSecret: wrong });

		await editor().fill({ clientSecret: scene().client.clientSecret });
		expect((await editor().save()).test.status).toBe('OK');
		expect(scene().stored(saved)).toEqual({ ...former, scope });
		expect((await scene().noticed()).secrets).toBe(before.secrets);
	});

	it('opened again: another scope, a new secret, a wrong one; opened again: it is blanked', async () => {
		const { clientId } = scene().changingClient;
		const saved = await scene().seal(scene().form({ ...scene().changingClient }));
		const former = scene().stored(saved);
		const before = await scene().noticed();

		expect((await editor().openCredential(saved.id)).test.status).toBe('OK');
		expect((await scene().noticed()).tokenRequests).toBe(before.tokenRequests);
		expect(await editor().value('clientSecret')).toBe('');
		const scope = 'api:read api:write';
		await editor().fill({ scope });
		expect((await editor().save()).test.status).toBe('OK');
		expect(scene().stored(saved)).toEqual({ ...former, scope });

		const clientSecret = newSecret('client-secret');
		await scene().provider.changeClientSecret(clientId, clientSecret);
		scene().changingClient = { clientId, clientSecret };
		await editor().fill({ clientSecret });
		expect((await editor().save()).test.status).toBe('OK');
		expect(scene().stored(saved)).toEqual({ ...former, scope });
		expect((await scene().bundle(saved)).client_secret).toBe(clientSecret);

		const wrong = scene().wrongSecret();
		await editor().fill({ clientSecret: wrong });
		const refusal = (await editor().save()).test;
		expect(refusal.message).toMatch(WRONG_SECRET);
		expect(scene().stored(saved)).toEqual({ ...former, scope, clientSecret: wrong });
		expect((await scene().bundle(saved)).client_secret).toBe(clientSecret);

		expect((await editor().openCredential(saved.id)).test).toEqual(refusal);
		await editor().fill({ clientSecret: '' });
		expect((await editor().save()).test.status).toBe('OK');
		expect(scene().stored(saved)).toEqual({ ...former, scope });
		expect((await scene().noticed()).secrets).toBe(before.secrets);
	});

	it('a workflow is run on the canvas', async () => {
		const saved = await scene().seal();
		const workflow = await scene().workflow(
			vaultedOAuth2(scene(), saved, { path: '/me' }),
			httpRequest(scene(), saved, { path: '/items' }),
		);
		await editor().runWorkflow(workflow, 3);
		await editor().findInOutput('Vaulted OAuth2', 'user-1');
		await picture('workflow-run');
	});
}
