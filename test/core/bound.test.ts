import { text } from 'node:stream/consumers';

import { openStore } from '../../src/secrets/openStore';
import { failureOf } from '../support/failureOf';
import { listenOnLoopback, type LoopbackServer } from '../support/loopback';
import { TEST_IDENTITY } from '../support/secretsManagerServer';
import { APP, CLIENT, PASTE_URI, WholeCore, type Form, type StoreKind } from '../support/wholeCore';

/** What an editor of a credential, who never knew its secrets, tries to have them sent elsewhere. */
describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('a bundle in %s', (kind) => {
	let core: WholeCore;
	let attacker: LoopbackServer;
	/** Everything that the attacker was sent, headers and bodies. */
	let sent: string[];

	beforeAll(async () => {
		core = await WholeCore.start(kind);
		attacker = await listenOnLoopback();
		attacker.serve((request, response) => {
			void text(request).then((body) => {
				sent.push(JSON.stringify(request.headers) + body);
				response.setHeader('content-type', 'application/json');
				response.end('{"access_token":"of-the-attacker","token_type":"Bearer"}');
			});
		});
	});
	beforeEach(() => {
		sent = [];
	});
	afterAll(async () => {
		await attacker.close();
		await core.close();
	});

	function elsewhere(): string {
		return `${attacker.origin}/token`;
	}

	const RESPONSE = '?code=c&state=s';

	it.each<[string, Form]>([
		['Client Authentication None', { clientAuthentication: 'none' }],
		['another grant', { grantType: 'clientCredentials' }],
		['Authorization Code', { grantType: 'authorizationCode', redirectUri: PASTE_URI, scope: 's' }],
		[
			'Authorization Code without a client secret',
			{
				grantType: 'authorizationCode',
				redirectUri: PASTE_URI,
				scope: 's',
				clientAuthentication: 'none',
			},
		],
	])(
		'is not sealed for another Token URL by an Authorization Response and %s',
		async (_n, changes) => {
			for (const saved of [
				await core.save(core.form()),
				await core.save(await core.refreshForm()),
			]) {
				const forged = {
					...saved,
					tokenUrl: elsewhere(),
					authorizationUrl: elsewhere(),
					authorizationResponse: RESPONSE,
					...changes,
				};
				const { code } = (await failureOf(core.save(forged))) as { code: string };
				expect(['SEALED_FOR_OTHER', 'MISSING_FIELD']).toContain(code);
				await expect(core.call(saved, core.process())).resolves.toBe(200);
				expect(sent).toEqual([]);
			}
		},
	);

	it('keeps no client secret that was not typed for the new Token URL', async () => {
		const saved = await core.save(await core.refreshForm());
		const forged = {
			...saved,
			tokenUrl: elsewhere(),
			clientAuthentication: 'none',
			refreshToken: 'a-refresh-token-of-the-attacker',
		};
		await core.save(forged);
		core.wait(3601);
		await failureOf(core.call({ ...forged, clientAuthentication: 'post' }));
		expect(sent).toHaveLength(1);
		expect(sent.join(' ')).not.toContain(CLIENT.clientSecret);
	});

	it('takes a refresh token that was typed before for what it is, not for its successor', async () => {
		const form = await core.refreshForm();
		const saved = await core.save(form);
		core.wait(3601);
		await core.call(saved);
		await core.save({
			...saved,
			tokenUrl: elsewhere(),
			clientSecret: CLIENT.clientSecret,
			refreshToken: form['refreshToken'],
		});
		core.wait(3601);
		const successors = core.provider.issued
			.filter(({ kind: issued }) => issued === 'RefreshToken')
			.map(({ value }) => value)
			.filter((value) => value !== form['refreshToken']);
		expect(sent).toHaveLength(1);
		for (const successor of successors) expect(sent.join(' ')).not.toContain(successor);
	});

	it('is not sent elsewhere when only the client secret is typed again', async () => {
		const saved = await core.save(await core.refreshForm());
		await expect(
			failureOf(core.save({ ...saved, tokenUrl: elsewhere(), clientSecret: CLIENT.clientSecret })),
		).resolves.toMatchObject({ code: 'SEALED_FOR_OTHER', field: 'Token URL' });
		expect(sent).toEqual([]);
	});

	it('is sealed for another Token URL when everything is typed again, and is as good as new there', async () => {
		const saved = await core.save(core.form());
		const moved = await core.save({
			...saved,
			tokenUrl: `${core.provider.tokenEndpoint}?tenant=other`,
			clientSecret: CLIENT.clientSecret,
		});
		expect(moved.secretRef).toBe(saved.secretRef);
		await expect(core.call(moved, core.process())).resolves.toBe(200);
		await expect(failureOf(core.call(saved, core.process()))).resolves.toMatchObject({
			code: 'SEALED_FOR_OTHER',
		});
	});

	it.each(['refresh_token', 'authorization_code'])(
		'is not revoked at an address that was not there when it was sealed (%s)',
		async (grant) => {
			const saved = await core.save(
				grant === 'refresh_token'
					? await core.refreshForm()
					: core.codeForm({ accountChangesByWorkflows: true }),
			);
			const before = core.aws.secrets().length;
			const { clientSecret } = grant === 'refresh_token' ? CLIENT : APP;
			const added = { ...saved, revocationUrl: elsewhere() };
			for (const forged of [
				added,
				{ ...added, authorizationResponse: RESPONSE },
				...(grant === 'refresh_token' ? [{ ...added, clientSecret }] : []),
			])
				await expect(failureOf(core.save(forged))).resolves.toMatchObject({
					code: 'SEALED_FOR_OTHER',
					field: 'Revocation URL',
				});
			for (const connections of [core.connections, core.process()]) {
				const { disconnect } = connections.open(await connections.read(added));
				const asked = { by: { from: 'form' }, evenIfNotRevoked: true } as const;
				await expect(failureOf(disconnect(asked))).resolves.toMatchObject({
					code: 'SEALED_FOR_OTHER',
				});
			}
			expect(sent).toEqual([]);
			expect(core.aws.secrets()).toHaveLength(before);
		},
	);

	it('that was sealed for a Revocation URL is not revoked anywhere else, also where an issuer says', async () => {
		const revocationUrl = core.provider.revocationEndpoint;
		const saved = await core.save({ ...(await core.refreshForm()), revocationUrl });
		for (const changed of ['', elsewhere()]) {
			const connections = core.process();
			const { disconnect } = connections.open(
				await connections.read({ ...saved, revocationUrl: changed }),
			);
			await expect(
				failureOf(disconnect({ by: { from: 'form' }, evenIfNotRevoked: false })),
			).resolves.toMatchObject({ code: 'SEALED_FOR_OTHER', field: 'Revocation URL' });
		}
		const { disconnect } = core.connections.open(await core.connections.read(saved));
		await expect(disconnect({ by: { from: 'form' }, evenIfNotRevoked: false })).resolves.toEqual({
			wasConnected: true,
		});
		expect(sent).toEqual([]);
	});

	it('is the same for every text of one address', async () => {
		const saved = await core.save(core.form());
		const { href, pathname, host } = new URL(core.provider.tokenEndpoint);
		for (const tokenUrl of [
			href.replace('http:', 'HTTP:'),
			`http://${host}/x/..${pathname}`,
			`http://${host}/./${pathname.slice(1)}`,
		])
			await expect(core.call({ ...saved, tokenUrl }, core.process())).resolves.toBe(200);
	});

	if (kind === 'localVault') {
		it('is replaced by a new one if the vault’s key is lost and every secret is typed again', async () => {
			const saved = await core.save(core.form());
			const rekeyed = core.process({
				openStore: (settings, { settings: instance, egress }) =>
					openStore(settings, {
						egress,
						settings: { ...instance, encryptionKey: 'another key of a test instance' },
					}),
			});
			await expect(failureOf(core.call(saved, rekeyed))).resolves.toMatchObject({
				code: 'DECRYPTION_FAILED',
			});
			await expect(
				failureOf(core.save({ ...saved, label: 'Renamed' }, rekeyed)),
			).resolves.toMatchObject({ code: 'DECRYPTION_FAILED' });
			const again = await core.save({ ...saved, clientSecret: CLIENT.clientSecret }, rekeyed);
			await expect(core.call(again, rekeyed)).resolves.toBe(200);
		});
	}

	if (kind === 'awsSecretsManager') {
		it.each(['awsEndpoint', 'awsRegion', 'secretStore'])(
			'is neither read nor written at another %s, and works on when that is put back',
			async (field) => {
				const saved = await core.save(await core.refreshForm());
				await core.call(saved);
				const forged: Form = {
					...saved,
					[field]: {
						awsEndpoint: attacker.origin,
						awsRegion: 'us-east-1',
						secretStore: 'localVault',
					}[field],
				};
				core.wait(3601);
				await expect(failureOf(core.call(forged))).resolves.toMatchObject({
					code: 'SEALED_ELSEWHERE',
				});
				await expect(failureOf(core.call(forged, core.process()))).resolves.toMatchObject({
					code: 'SEALED_ELSEWHERE',
				});
				expect(sent).toEqual([]);
				await expect(core.call(saved)).resolves.toBe(200);
				expect(sent).toEqual([]);
			},
		);

		it('goes on for its owner, whatever access key a copy of the form has', async () => {
			const saved = await core.save(await core.refreshForm());
			const copy = {
				...saved,
				awsAccessKeyId: 'nobody',
				awsSecretAccessKey: `not-${TEST_IDENTITY.secretAccessKey}`,
			};
			for (let call = 0; call < 3; call += 1) {
				await expect(failureOf(core.call(copy))).resolves.toMatchObject({
					code: 'AWS_CREDENTIALS_REFUSED',
				});
				core.wait(3601);
				await expect(core.call(saved)).resolves.toBe(200);
			}
		});
	}
});
