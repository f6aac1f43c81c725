import { apiRequestNode } from '../../../demo/connection';
import type { CredentialTest } from '../../../demo/harness/n8nRest';
import { Person } from '../../../demo/harness/person';
import type { Fields } from '../support/database';
import { startListener, type Listener } from '../support/listener';
import { PASTE_URI, type Saved, type Scene } from '../support/scene';
import type { AwsStore } from '../support/stores';

/** An answer of a provider, which anybody can make up. */
const RESPONSE = `${PASTE_URI}?code=made-up&state=made-up`;
/** What makes a form one of the authorization code grant. */
const BY_CODE: Fields = {
	grantType: 'authorizationCode',
	redirectUri: PASTE_URI,
	scope: 'openid offline_access',
};

/** What makes a saved credential look complete without its secrets. */
const TAKEOVERS: [string, Fields][] = [
	['nothing but the address', {}],
	['an Authorization Response', { ...BY_CODE, authorizationResponse: RESPONSE }],
	[
		'an Authorization Response and no client authentication',
		{ ...BY_CODE, authorizationResponse: RESPONSE, clientAuthentication: 'none' },
	],
	['Client Credentials', { grantType: 'clientCredentials' }],
	['Client Authentication None', { clientAuthentication: 'none' }],
	[
		'a reference',
		{ clientSecretSource: 'reference', clientSecretReference: 'payments/production' },
	],
];

type Victim = [string, (scene: Scene) => Promise<Saved>];

const VICTIMS: Victim[] = [
	['Client Credentials', async (scene) => await scene.seal()],
	['Refresh Token', async (scene) => await scene.seal(await scene.refreshTokenForm())],
	['a connected account', connected],
];

/** An account that was connected by pasting. */
async function connected(scene: Scene): Promise<Saved> {
	const saved = await scene.save({ ...scene.accountForm(), redirectUri: PASTE_URI });
	const [address = ''] = /http\S+$/.exec(saved.test.message) ?? [];
	const { url } = await new Person(({ href }) => href.startsWith(PASTE_URI)).consent(address);
	const test = await scene.edit(saved, { authorizationResponse: url.href });
	if (test.status !== 'OK') throw new Error(`Not connected: ${test.message}`);
	return saved;
}

/** The form's own words, of a field that was changed or a secret that is missing. */
const REFUSED =
	/^Fix the configuration – [\w ]+: (the stored secret was sealed for another|it is missing|.* is not|the answer|a reference)/;

/** Somebody who may edit the credential, and never knew its secrets, wants them sent to a server of their own. */
export function editorStories(scene: () => Scene): void {
	let own: Listener;

	beforeEach(async () => (own = await startListener()));
	afterEach(async () => await own.close());

	/** A credential that both users may edit. */
	async function shared(victim: Saved): Promise<Saved> {
		scene().instance.database.moveToProjectOf(victim.id, scene().instance.memberEmail);
		scene().discardLater(victim);
		return victim;
	}

	async function errorOf(saved: Saved): Promise<string | undefined> {
		const node = apiRequestNode(saved, '/me');
		const { nodes } = await scene().run(await scene().workflow(node));
		return nodes[node.name]?.error;
	}

	/** Saves as the other user, and runs a workflow with what was saved. */
	async function attack(saved: Saved, changes: Fields): Promise<CredentialTest> {
		// Without a licence n8n opens the form for owners only, and takes what other editors save.
		const form = await scene().instance.owner.getCredential(saved.id);
		const test = await scene().submit(form, changes, scene().instance.member);
		await errorOf(saved);
		return test;
	}

	/** The owner puts the fields back, the pointer included, which a save without it has lost. */
	async function restored(saved: Saved, former: Fields): Promise<void> {
		const { form } = await scene().reopen(saved);
		const blank = Object.fromEntries(Object.keys(form.data).map((name) => [name, '']));
		expect(await scene().submit(form, { ...blank, ...former })).toMatchObject({ status: 'OK' });
		expect(await errorOf(saved)).toBeUndefined();
	}

	describe.each(VICTIMS)('%s', (_grant, victim) => {
		it.each(TAKEOVERS)('is not sent to another Token URL by %s', async (_name, changes) => {
			const saved = await shared(await victim(scene()));
			const former = scene().instance.database.credential(saved.id);
			const before = await scene().noticed();
			const test = await attack(saved, {
				issuerUrl: '',
				tokenUrl: `${own.url}/token`,
				authorizationUrl: `${own.url}/authorize`,
				...changes,
			});
			process.stderr.write(`${JSON.stringify(test)}\n`);
			expect(test.message).toMatch(REFUSED);
			expect(own.heard).toEqual([]);
			expect(await scene().noticed()).toEqual(before);
			await restored(saved, former);
		});
	});
}

export function awsEditorStories(scene: () => Scene): void {
	void (scene().store as AwsStore);
}
