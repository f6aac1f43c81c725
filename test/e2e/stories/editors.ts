import { apiRequestNode, connectionNode } from '../../../demo/connection';
import { formatSecretRef } from '../../../src/secrets/pointer';
import type { Fields } from '../support/database';
import { startListener, type Listener } from '../support/listener';
import { newSecret, PASTE_URI, type Saved, type Scene } from '../support/scene';
import type { AwsStore } from '../support/stores';

/** What makes a form one of the authorization code grant, with an answer that anybody can make up. */
const BY_CODE: Fields = {
	grantType: 'authorizationCode',
	redirectUri: PASTE_URI,
	scope: 'openid offline_access',
	authorizationResponse: `${PASTE_URI}?code=made-up&state=made-up`,
};

/** What makes a saved credential look complete without its secrets. */
const TAKEOVERS: [string, Fields][] = [
	['the address alone', {}],
	['an Authorization Response', BY_CODE],
	['the same without client authentication', { ...BY_CODE, clientAuthentication: 'none' }],
	['Client Credentials', { grantType: 'clientCredentials' }],
	['Client Authentication None', { clientAuthentication: 'none' }],
	[
		'a reference',
		{ clientSecretSource: 'reference', clientSecretReference: 'payments/production' },
	],
];

const VICTIMS: [string, (scene: Scene) => Promise<Saved>][] = [
	['Client Credentials', async (scene) => await scene.seal()],
	['Refresh Token', async (scene) => await scene.seal(await scene.refreshTokenForm())],
	['a connected account', async (scene) => await scene.connectByPasting()],
];

const SEALED_FOR_OTHER =
	/^Fix the configuration – [\w ]+: the stored secret was sealed for another .* and is not sent elsewhere/;
/** The credential would refer to a secret in AWS that was not tagged for the new address. */
const NOT_PERMITTED =
	/^Fix the configuration – Client Secret Name or ARN: .*the tag "vaulted-oauth2:token-hosts" with the value "(.+)"/;
const SEALED_ELSEWHERE =
	/^Fix the configuration – AWS Endpoint: the stored secret is in a store with another AWS Endpoint/;

const NO_SUCH_KEY = /^Fix the configuration – AWS Credentials: AWS does not accept the access key/;

/** Somebody who may edit the credential, and never knew its secrets, wants them sent to a server of their own. */
export function editorStories(scene: () => Scene): void {
	let own: Listener;

	beforeEach(async () => (own = await startListener()));
	afterEach(async () => await own.close());

	function aws(): AwsStore['server'] {
		return (scene().store as AwsStore).server;
	}

	/** Lets the other user edit a credential. */
	function shared(victim: Saved): Saved {
		scene().instance.database.moveToProjectOf(victim.id, scene().instance.memberEmail);
		scene().discardLater(victim);
		return victim;
	}

	async function errorOf(saved: Saved): Promise<string | undefined> {
		const node = apiRequestNode(saved, '/me');
		const { nodes } = await scene().run(await scene().workflow(node));
		return nodes[node.name]?.error;
	}

	/** Needs the secrets themselves: a new token is requested. */
	async function refreshes(saved: Saved): Promise<boolean> {
		const node = connectionNode(saved, 'refreshNow');
		return (await scene().run(await scene().workflow(node))).status === 'success';
	}

	/**
	 * The other user saves the owner's form with these changes, and a workflow runs with it.
	 *
	 * @returns what the save said
	 */
	async function attack(
		form: Parameters<Scene['submit']>[0],
		saved: Saved,
		changes: Fields,
	): Promise<string> {
		const before = await scene().noticed();
		// Without a licence n8n opens the form for owners only, and takes what other editors save.
		const { status, message } = await scene().submit(form, changes, scene().instance.member);
		expect(status).toBe('Error');
		expect(await errorOf(saved)).toMatch(/^Fix the configuration – /);
		expect(own.heard).toEqual([]);
		expect(await scene().noticed()).toEqual(before);
		return message;
	}

	it.each(VICTIMS)('%s: nothing is sent to another Token URL', async (_grant, victim) => {
		const saved = shared(await victim(scene()));
		const form = await scene().instance.owner.getCredential(saved.id);
		const elsewhere = {
			issuerUrl: '',
			tokenUrl: `${own.url}/token`,
			authorizationUrl: `${own.url}/authorize`,
		};
		for (const [, changes] of TAKEOVERS) {
			const message = await attack(form, saved, { ...elsewhere, ...changes });
			expect(message).toMatch(SEALED_FOR_OTHER);
		}
		const emptied = { clientSecret: '', refreshToken: '', authorizationResponse: '' };
		expect(await scene().submit(form, emptied)).toMatchObject({ status: 'OK' });
		expect(await refreshes(saved)).toBe(true);
	});

	it('an old refresh token does not stand for its successor', async () => {
		const typed = await scene().refreshTokenForm();
		const saved = shared(await scene().seal(typed));
		const form = await scene().instance.owner.getCredential(saved.id);
		const message = await attack(form, saved, {
			tokenUrl: `${own.url}/token`,
			refreshToken: typed['refreshToken'],
		});
		expect(message).toMatch(SEALED_FOR_OTHER);
		expect(await scene().submit(form, { refreshToken: '' })).toMatchObject({ status: 'OK' });
		expect(await refreshes(saved)).toBe(true);
	});

	it('the owner of n8n, who may edit everybody’s credential, gets no more', async () => {
		const saved = await scene().seal(scene().form(), scene().instance.member);
		scene().discardLater(saved);
		const form = await scene().instance.owner.getCredential(saved.id);
		const before = await scene().noticed();
		const test = await scene().submit(form, { tokenUrl: `${own.url}/token` });
		expect(test.message).toMatch(SEALED_FOR_OTHER);
		expect(own.heard).toEqual([]);
		expect(await scene().noticed()).toEqual(before);
	});

	it('another AWS Endpoint hears nothing, and nothing is left behind when it is put back', async () => {
		const saved = shared(await scene().seal(await scene().refreshTokenForm()));
		const form = await scene().instance.owner.getCredential(saved.id);
		expect(await attack(form, saved, { awsEndpoint: own.url })).toMatch(SEALED_ELSEWHERE);
		expect(await scene().submit(form, {})).toMatchObject({ status: 'OK' });
		expect(await refreshes(saved)).toBe(true);
		expect(own.heard).toEqual([]);
	});

	describe('with a reference', () => {
		let form: Fields;
		let saved: Saved;

		function tag(name: string, hosts: string): void {
			const tags = [{ Key: 'vaulted-oauth2:token-hosts', Value: hosts }];
			aws().perform('TagResource', { SecretId: name, Tags: tags });
		}

		beforeEach(async () => {
			const { client, provider } = scene();
			form = scene().form({ clientSecret: '', clientSecretSource: 'reference' });
			const name = `crm/client-${newSecret('name')}`;
			form['clientSecretReference'] = name;
			aws().perform('CreateSecret', { Name: name, SecretString: client.clientSecret });
			tag(name, new URL(provider.tokenEndpoint).host);
			saved = await scene().seal(form);
		});

		it('a copy with another access key does not disturb the owner’s connection', async () => {
			const { member } = scene().instance;
			const secretRef = formatSecretRef(scene().pointer(saved));
			const key = { awsAccessKeyId: 'nobody', awsSecretAccessKey: 'not-the-key' };
			for (const copied of [{}, { secretRef }, { secretRef }]) {
				const copy = await scene().save({ ...form, ...copied, ...key }, member);
				scene().discardLater(copy);
				expect(copy.test.message).toMatch(NO_SUCH_KEY);
				expect(await errorOf(copy)).toMatch(NO_SUCH_KEY);
				expect(await refreshes(saved)).toBe(true);
				expect(await errorOf(saved)).toBeUndefined();
			}
		});

		it('a cleared pointer does not aim a secret at another Token URL; the message has the tag to add', async () => {
			const production = `payments/${newSecret('name')}`;
			aws().perform('CreateSecret', { Name: production, SecretString: 'of-somebody-else' });
			const opened = await scene().instance.owner.getCredential(shared(saved).id);
			const provider = new URL(scene().provider.tokenEndpoint).host;
			const { host } = new URL(own.url);
			const moved = { secretRef: '', tokenUrl: `${own.url}/token` };
			for (const [changes, value] of [
				[moved, `${provider} ${host}`],
				[{ ...moved, clientSecretReference: production }, host],
			] as const) {
				const message = await attack(opened, saved, changes);
				expect(NOT_PERMITTED.exec(message)?.[1]).toBe(value);
			}
			tag(production, host);
			const { member } = scene().instance;
			await scene().submit(opened, { ...moved, clientSecretReference: production }, member);
			expect(own.heard).toEqual([expect.stringMatching(/^POST \/token /)]);
		});
	});
}
