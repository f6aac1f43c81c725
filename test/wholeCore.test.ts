import { eventually } from './support/eventually';
import { failureOf } from './support/failureOf';
import { CLIENT, WholeCore, type Form, type StoreKind } from './support/wholeCore';

describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('with the store %s', (kind) => {
	let core: WholeCore;

	beforeEach(async () => {
		core = await WholeCore.start(kind);
	});
	afterEach(async () => {
		await core.close();
	});

	describe('saving', () => {
		it('seals a right client secret: a pointer and blanks are left, and the API takes the token', async () => {
			const saved = await core.save(core.form());
			expect(saved).toMatchObject({ clientSecret: '', refreshToken: '' });
			expect(JSON.stringify(saved)).not.toContain(CLIENT.clientSecret);
			expect(await core.stored()).toBe(1);
			expect(await core.call(saved)).toBe(200);
			expect(core.provider.countTokenRequests()).toBe(1);
		});

		it('is tried with post where the provider does not take Basic, and remembers that', async () => {
			const saved = await core.save(core.form({ clientId: 'poster' }));
			core.wait(3601);
			expect(await core.call(saved, core.process())).toBe(200);
			expect(core.provider.countTokenRequests({ result: 'invalid_client' })).toBe(1);
			expect(core.provider.countTokenRequests({ result: 'ok' })).toBe(2);
		});

		it('seals a refresh token, and keeps the one it was rotated to', async () => {
			const form = await core.refreshForm();
			const saved = await core.save(form);
			core.wait(3601);
			expect(await core.call(saved, core.process())).toBe(200);
			core.wait(3601);
			expect(await core.call(saved, core.process())).toBe(200);
			expect(core.provider.tokenRequests.map(({ result }) => result)).toEqual(['ok', 'ok', 'ok']);
		});

		it('works with a public client', async () => {
			const saved = await core.save(
				core.form({
					grantType: 'refreshToken',
					clientId: 'public',
					clientAuthentication: 'none',
					refreshToken: await core.provider.mintRefreshToken('public'),
					scope: '',
				}),
			);
			expect(await core.call(saved)).toBe(200);
		});

		it('finds everything by the issuer alone', async () => {
			const saved = await core.save(core.form({ issuerUrl: core.provider.issuer, tokenUrl: '' }));
			expect(await core.call(saved)).toBe(200);
		});

		it.each<[string, (c: WholeCore) => Form, Record<string, unknown>]>([
			[
				'a wrong client secret',
				(c) => c.form({ clientSecret: 'wrong-secret' }),
				{ failureClass: 'configuration', field: 'Client Secret', code: 'INVALID_CLIENT' },
			],
			[
				'a wrong token URL',
				(c) => c.form({ tokenUrl: `${c.provider.issuer}/nothing-here` }),
				{ failureClass: 'configuration', field: 'Token URL' },
			],
			[
				'a scope that is not offered',
				(c) => c.form({ clientId: 'reader', scope: 'api:write' }),
				{ failureClass: 'configuration', field: 'Scope' },
			],
			[
				'a host that does not answer',
				(c) => c.form({ tokenUrl: 'http://127.0.0.1:9/token' }),
				{ failureClass: 'provider', code: 'UNREACHABLE' },
			],
			[
				'a missing secret',
				(c) => c.form({ clientSecret: '' }),
				{ failureClass: 'configuration', field: 'Client Secret', code: 'MISSING_FIELD' },
			],
			[
				'a wrong refresh token',
				(c) => c.form({ grantType: 'refreshToken', refreshToken: 'wrong-token', scope: '' }),
				{ failureClass: 'reconnect', code: 'INVALID_GRANT' },
			],
		])('stores nothing for %s and says what to correct', async (_name, form, expected) => {
			const error = await failureOf(core.connections.seal(await core.connections.read(form(core))));
			expect(error).toMatchObject(expected);
			expect(error.message).not.toMatch(/wrong-secret|wrong-token|example-client-secret/);
			expect(await core.stored()).toBe(0);
		});

		it('seals once for executions that find an unsealed credential together', async () => {
			const form = core.form();
			const typed = await core.connections.read(form);
			const refs = await Promise.all(
				Array.from({ length: 20 }, () => core.connections.seal(typed)),
			);
			expect(new Set(refs.map(({ secretRef }) => secretRef)).size).toBe(1);
			expect(await core.stored()).toBe(1);
		});
	});

	describe('editing', () => {
		it('keeps what is stored where nothing is typed, and asks for no token', async () => {
			const saved = await core.save(core.form());
			const edited = { ...saved, label: 'Renamed' };
			expect(core.connections.needsSealing(await core.connections.read(edited))).toBe(false);
			expect(await core.call(edited, core.process())).toBe(200);
			expect(core.provider.countTokenRequests()).toBe(1);
		});

		it('never uses the token of the former scope', async () => {
			const saved = await core.save(core.form());
			const { tokens } = core.connections.open(await core.connections.read(saved));
			const before = await tokens.get();
			const edited = core.connections.open(
				await core.connections.read({ ...saved, scope: 'api:read api:write' }),
			);
			const after = await edited.tokens.get();
			expect(after.accessToken).not.toBe(before.accessToken);
			expect(after.scope).toBe('api:read api:write');
		});

		it('replaces a typed client secret in the same bundle', async () => {
			const saved = await core.save(core.form({ clientId: 'poster' }));
			const again = { ...saved, clientSecret: CLIENT.clientSecret, clientId: CLIENT.clientId };
			expect(core.connections.needsSealing(await core.connections.read(again))).toBe(true);
			const sealed = await core.save(again);
			expect(sealed.secretRef).toBe(saved.secretRef);
			expect(await core.call(sealed)).toBe(200);
			expect(await core.stored()).toBe(1);
		});

		it('leaves the bundle untouched where a typed secret is wrong', async () => {
			const saved = await core.save(core.form());
			await expect(
				failureOf(
					core.connections.seal(
						await core.connections.read({ ...saved, clientSecret: 'wrong-secret' }),
					),
				),
			).resolves.toMatchObject({ code: 'INVALID_CLIENT' });
			core.wait(3601);
			expect(await core.call(saved, core.process())).toBe(200);
		});

		it('knows a typed secret that is sealed already, as an expression in the field is', async () => {
			const saved = await core.save(core.form());
			const withExpression = { ...saved, clientSecret: CLIENT.clientSecret };
			expect(core.connections.needsSealing(await core.connections.read(withExpression))).toBe(
				false,
			);
			const other = core.process();
			expect(other.needsSealing(await other.read(withExpression))).toBe(true);
			await other.seal(await other.read(withExpression));
			expect(other.needsSealing(await other.read(withExpression))).toBe(false);
			expect(core.provider.countTokenRequests()).toBe(1);
		});

		it('seals a form that is saved again while it is open into the same bundle, without redeeming a spent refresh token', async () => {
			for (const form of [core.form(), await core.refreshForm()]) {
				const saved = await core.save(form);
				// The open form still has what was typed and does not know the pointer.
				const again = await core.save({ ...form, scope: 'api:read' });
				expect(again.secretRef).toBe(saved.secretRef);
				expect(await core.call(again)).toBe(200);
			}
			expect(await core.stored()).toBe(2);
			expect(core.provider.tokenRequests.every(({ result }) => result === 'ok')).toBe(true);
		});

		it('seals a corrected API address of an open form into the same bundle for a refresh token, into one of its own for a client secret', async () => {
			const refresh = await core.refreshForm({ apiBaseUrl: 'http://127.0.0.1:9' });
			const first = await core.save(refresh);
			const corrected = await core.save({ ...refresh, apiBaseUrl: core.api.url });
			expect(corrected.secretRef).toBe(first.secretRef);
			expect(await core.call(corrected)).toBe(200);

			const one = await core.save(core.form());
			const copy = await core.save(core.form({ apiBaseUrl: `${core.api.url}/`, label: 'A copy' }));
			expect(copy.secretRef).not.toBe(one.secretRef);
			expect(await core.call(one)).toBe(200);
		});

		it('makes a new bundle where the old one is gone and everything is typed again', async () => {
			const saved = await core.save(core.form());
			const ref = JSON.parse(saved.secretRef) as { secretId: string };
			const lost = JSON.stringify({ ...ref, secretId: `${ref.secretId}-gone` });
			await expect(failureOf(core.call({ ...saved, secretRef: lost }))).resolves.toMatchObject({
				failureClass: 'secretStore',
				code: 'NOT_FOUND',
			});
			const again = await core.save({
				...saved,
				secretRef: lost,
				clientSecret: CLIENT.clientSecret,
			});
			expect(await core.call(again)).toBe(200);
		});
	});

	describe('a bundle', () => {
		it.each<[string, (saved: Form, c: WholeCore) => Form, string]>([
			[
				'a pointer without its key',
				(s) => ({
					...s,
					secretRef: JSON.stringify({
						...(JSON.parse(String(s['secretRef'])) as object),
						key: 'x'.repeat(43),
					}),
				}),
				'KEY_MISMATCH',
			],
			[
				'a pointer that is only a name',
				(s) => ({
					...s,
					secretRef: (JSON.parse(String(s['secretRef'])) as { secretId: string }).secretId,
				}),
				'INVALID_SECRET_REF',
			],
			[
				'another token URL',
				(s, c) => ({ ...s, tokenUrl: `${c.api.url}/token` }),
				'SEALED_FOR_OTHER',
			],
			['an issuer of the attacker', (s, c) => ({ ...s, issuerUrl: c.api.url }), 'SEALED_FOR_OTHER'],
			[
				'another API origin',
				(s, c) => ({ ...s, apiBaseUrl: c.provider.issuer }),
				'SEALED_FOR_OTHER',
			],
			[
				'a further API origin',
				(s, c) => ({ ...s, additionalApiOrigins: c.provider.issuer }),
				'SEALED_FOR_OTHER',
			],
			['another client', (s) => ({ ...s, clientId: 'poster' }), 'SEALED_FOR_OTHER'],
			['another grant', (s) => ({ ...s, grantType: 'refreshToken' }), 'SEALED_FOR_OTHER'],
		])('is not opened by %s', async (_name, forge, code) => {
			const saved = await core.save(core.form());
			// The owner's token is in this process's memory: that must not help either.
			await core.call(saved);
			const requests = core.provider.countTokenRequests();
			await expect(failureOf(core.call(forge(saved, core)))).resolves.toMatchObject({ code });
			await expect(failureOf(core.call(forge(saved, core), core.process()))).resolves.toMatchObject(
				{ code },
			);
			expect(core.provider.countTokenRequests()).toBe(requests);
		});

		it('may be used for fewer origins than it was sealed for', async () => {
			const saved = await core.save(core.form({ additionalApiOrigins: core.provider.issuer }));
			expect(await core.call({ ...saved, additionalApiOrigins: '' }, core.process())).toBe(200);
		});
	});

	describe('at expiry', () => {
		// The first redemption of a process takes the lease: one version more.
		it.each([
			['client credentials', (c: WholeCore) => Promise.resolve(c.form()), 1],
			['a refresh token', (c: WholeCore) => c.refreshForm(), 2],
		])(
			'1,000 concurrent calls cause 1 token request and no refused call: %s',
			async (_name, formOf, versions) => {
				const form = await formOf(core);
				const saved = await core.save(form);
				await core.call(saved);
				core.wait(3601);
				const requests = core.provider.countTokenRequests();
				const writes = core.aws.calls.filter(({ action }) => action === 'PutSecretValue').length;
				const before = core.api.requests.length;
				const statuses = await Promise.all(Array.from({ length: 1000 }, () => core.call(saved)));
				expect(new Set(statuses)).toEqual(new Set([200]));
				expect(core.provider.countTokenRequests() - requests).toBe(1);
				expect(core.api.requests.length - before).toBe(1000);
				if (kind === 'awsSecretsManager') {
					expect(
						core.aws.calls.filter(({ action }) => action === 'PutSecretValue').length - writes,
					).toBe(versions);
				}
			},
		);

		it('serves the token that is valid for 4 more minutes while the provider answers 503, and fails at true expiry', async () => {
			const saved = await core.save(core.form());
			core.wait(3600 - 240);
			core.provider.injectFault({ requests: Infinity, instead: { status: 503, body: 'busy' } });
			expect(await core.call(saved)).toBe(200);
			core.wait(240);
			await expect(failureOf(core.call(saved))).resolves.toMatchObject({
				failureClass: 'provider',
			});
			core.provider.clearFaults();
			expect(await core.call(saved)).toBe(200);
		});

		it('tells a revoked refresh token as "reconnect", and heals where a new one is typed', async () => {
			const form = await core.refreshForm();
			const saved = await core.save(form);
			const { tokens } = core.connections.open(await core.connections.read(saved));
			core.provider.revokeGrantOf((await tokens.get()).accessToken);
			core.wait(3601);
			await expect(failureOf(core.call(saved))).resolves.toMatchObject({
				failureClass: 'reconnect',
				code: 'INVALID_GRANT',
			});
			const again = await core.save({
				...saved,
				refreshToken: await core.provider.mintRefreshToken(CLIENT.clientId),
			});
			expect(await core.call(again)).toBe(200);
		});

		it('replaces a token that was revoked before its time', async () => {
			const saved = await core.save(core.form());
			const { tokens } = core.connections.open(await core.connections.read(saved));
			const { accessToken } = await tokens.get();
			core.provider.revoke(accessToken);
			expect(await core.call(saved)).toBe(401);
			await tokens.replaceRefused(accessToken);
			expect(await core.call(saved)).toBe(200);
		});
	});
});

describe('AWS Secrets Manager', () => {
	let core: WholeCore;

	beforeEach(async () => {
		core = await WholeCore.start('awsSecretsManager');
	});
	afterEach(async () => {
		await core.close();
	});

	it('holds one tagged secret, named after tenant and label, and nothing of it is in the pointer', async () => {
		const saved = await core.save(core.form({ tenantId: 'acme', label: 'Süd: CRM (prod)' }));
		const [secret] = core.aws.secrets();
		expect(secret?.name).toMatch(/^n8n\/vaulted-oauth2\/acme\/sud-crm-prod-[0-9a-f]{8}$/);
		expect(secret?.tags).toEqual({ 'managed-by': 'n8n-nodes-vaulted-oauth2' });
		expect(JSON.parse(saved.secretRef)).toEqual({
			v: 1,
			store: 'awsSecretsManager',
			secretId: secret?.arn,
			key: expect.any(String) as string,
			at: { region: core.aws.region, endpoint: `${core.aws.url}/` },
		});
		expect(JSON.parse(secret?.content ?? '')).toMatchObject({
			client_secret: CLIENT.clientSecret,
			token: { access_token: expect.any(String) as string },
		});
		expect(secret?.content).not.toContain((JSON.parse(saved.secretRef) as { key: string }).key);
	});

	it('is never overwritten where a secret of the chosen name exists', async () => {
		core.aws.perform('CreateSecret', { Name: 'theirs', SecretString: 'theirs' });
		for (const form of [
			core.form({ secretName: 'theirs' }),
			await core.refreshForm({ secretName: 'theirs' }),
		]) {
			await expect(
				failureOf(core.connections.seal(await core.connections.read(form))),
			).resolves.toMatchObject({
				failureClass: 'secretStore',
				code: 'ALREADY_EXISTS',
			});
		}
		expect(core.aws.secret('theirs')?.content).toBe('theirs');
		// The refresh token was not spent on a store that could not take it.
		expect(core.provider.countTokenRequests({ grant: 'refresh_token' })).toBe(0);
	});

	it('takes the chosen name again for the form that made it, while that is open', async () => {
		const form = core.form({ secretName: 'mine', apiBaseUrl: 'http://127.0.0.1:9' });
		await core.save(form);
		const corrected = await core.save({ ...form, apiBaseUrl: core.api.url });
		expect(await core.call(corrected)).toBe(200);
		expect(await core.stored()).toBe(1);
		core.wait(3601);
		await expect(
			failureOf(core.connections.seal(await core.connections.read(form))),
		).resolves.toMatchObject({
			code: 'ALREADY_EXISTS',
		});
	});

	it.each(['CreateSecret', 'GetSecretValue'])(
		'denied at %s leaves nothing stored, and names the action',
		async (action) => {
			core.aws.deny('test-access-key', action);
			const error = await failureOf(
				core.connections.seal(await core.connections.read(await core.refreshForm())),
			);
			expect(error).toMatchObject({ failureClass: 'secretStore', code: 'ACCESS_DENIED' });
			expect(error.message).toContain(action);
			expect(await core.stored()).toBe(0);
		},
	);

	it('does not cost a refresh token where it refuses the new secret: saving again goes on with the rotated one', async () => {
		core.aws.deny('test-access-key', 'CreateSecret');
		const form = await core.refreshForm();
		await failureOf(core.connections.seal(await core.connections.read(form)));
		core.aws.allow('test-access-key', 'CreateSecret');
		const saved = await core.save(form);
		expect(await core.call(saved)).toBe(200);
		core.wait(3601);
		expect(await core.call(saved, core.process())).toBe(200);
		expect(core.provider.tokenRequests.map(({ result }) => result)).toEqual(['ok', 'ok']);
	});

	it('is not reached with the identity of the host unless the instance allows it', async () => {
		const form = core.form({ awsCredentials: 'default' });
		await expect(
			failureOf(core.connections.seal(await core.connections.read(form))),
		).resolves.toMatchObject({
			failureClass: 'configuration',
			field: 'AWS Credentials',
		});
		expect(core.aws.calls).toEqual([]);
	});

	it('can hold the client secret of somebody else, read anew for every token', async () => {
		core.aws.perform('CreateSecret', {
			Name: 'crm/client',
			SecretString: JSON.stringify({ secret: 'old', other: 1 }),
		});
		const form = core.form({
			clientSecretSource: 'reference',
			clientSecretReference: 'crm/client',
			clientSecretJsonKey: 'secret',
			clientSecret: '',
		});
		await expect(
			failureOf(core.connections.seal(await core.connections.read(form))),
		).resolves.toMatchObject({
			code: 'INVALID_CLIENT',
		});
		core.aws.perform('PutSecretValue', {
			SecretId: 'crm/client',
			SecretString: JSON.stringify({ secret: CLIENT.clientSecret }),
		});
		const saved = await core.save(form);
		expect(await core.call(saved)).toBe(200);
		const bundle = core.aws.secrets().find(({ name }) => name.startsWith('n8n/'));
		expect(bundle?.content).not.toContain(CLIENT.clientSecret);

		// A changed reference is tried at once, though the former token is still valid.
		const requests = core.provider.countTokenRequests();
		const wrong = { ...saved, clientSecretReference: 'crm/nothing' };
		await expect(failureOf(core.call(wrong))).resolves.toMatchObject({ code: 'NOT_FOUND' });
		expect(await core.call(saved)).toBe(200);
		expect(core.provider.countTokenRequests()).toBe(requests);
	});

	it.each([
		['a missing key', '', 'Client Secret JSON Key'],
		['a wrong key', 'nothing', 'Client Secret JSON Key'],
	])('names %s of a reference', async (_name, clientSecretJsonKey, field) => {
		core.aws.perform('CreateSecret', { Name: 'crm/client', SecretString: '{"secret":"x"}' });
		const form = core.form({
			clientSecretSource: 'reference',
			clientSecretReference: 'crm/client',
			clientSecretJsonKey,
			clientSecret: '',
		});
		await expect(
			failureOf(core.connections.seal(await core.connections.read(form))),
		).resolves.toMatchObject({
			failureClass: 'configuration',
			field,
		});
	});

	it('does not let the bundle of another connection be taken for a client secret', async () => {
		await core.save(core.form());
		const [bundle] = core.aws.secrets();
		const form = core.form({
			clientSecretSource: 'reference',
			clientSecretReference: bundle?.arn,
			clientSecretJsonKey: 'client_secret',
			tokenUrl: `${core.api.url}/steal`,
			clientSecret: '',
		});
		await expect(
			failureOf(core.connections.seal(await core.connections.read(form))),
		).resolves.toMatchObject({
			code: 'NOT_A_CLIENT_SECRET',
		});
		expect(core.api.requests).toEqual([]);
	});

	it('keeps what an administrator adds, and takes a refresh token typed there', async () => {
		const saved = await core.save(await core.refreshForm());
		const [secret] = core.aws.secrets();
		const refreshToken = await core.provider.mintRefreshToken(CLIENT.clientId);
		core.aws.perform('PutSecretValue', {
			SecretId: secret?.arn,
			SecretString: JSON.stringify({
				...(JSON.parse(secret?.content ?? '') as object),
				refresh_token: refreshToken,
				owner: 'ops',
			}),
		});
		core.wait(3601);
		expect(await core.call(saved)).toBe(200);
		expect(JSON.parse(core.aws.secret(secret?.arn ?? '')?.content ?? '')).toMatchObject({
			owner: 'ops',
		});
		expect(core.provider.tokenRequests.at(-1)?.refreshToken).toBe(refreshToken);
	});

	it('spends no refresh token that it could not replace', async () => {
		const saved = await core.save(await core.refreshForm());
		core.wait(3601);
		core.aws.deny('test-access-key', 'PutSecretValue');
		await expect(failureOf(core.call(saved))).resolves.toMatchObject({
			failureClass: 'secretStore',
			code: 'ACCESS_DENIED',
		});
		expect(core.provider.countTokenRequests()).toBe(1);
	});

	it('holds the rotated refresh token before the new access token is used, and after a failed write by itself', async () => {
		const saved = await core.save(await core.refreshForm());
		core.wait(3601);
		core.aws.fail({ action: 'PutSecretValue', kind: 'kmsAccessDenied', after: 1 });
		expect(await core.call(saved)).toBe(200);
		expect(core.events.map(({ name }) => name)).toContain('rotated but not saved');
		await eventually(() => core.events.some(({ name }) => name === 'saved after all'));
		core.wait(3601);
		expect(await core.call(saved, core.process())).toBe(200);
		expect(core.provider.tokenRequests.every(({ result }) => result === 'ok')).toBe(true);
	});
});
