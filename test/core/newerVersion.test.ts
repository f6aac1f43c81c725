import { Person } from '../../demo/harness/person';
import { failureOf } from '../support/failureOf';
import { CLIENT, PASTE_URI, WholeCore, type Form, type StoreKind } from '../support/wholeCore';

type Json = Record<string, unknown>;

describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('with the store %s', (kind) => {
	let core: WholeCore;

	beforeAll(async () => {
		core = await WholeCore.start(kind);
	});
	beforeEach(() => {
		core.connections = core.process();
	});
	afterAll(async () => {
		await core.close();
	});

	async function stored(form: Form): Promise<Json> {
		const { store, secretRef } = core.connections.open(await core.connections.read(form));
		return JSON.parse((await store.read(secretRef.secretId)).content) as Json;
	}

	/** As another version of this package writes. */
	async function rewrite(form: Form, change: (json: Json) => Json): Promise<void> {
		const { store, secretRef } = core.connections.open(await core.connections.read(form));
		const { versionId, content } = await store.read(secretRef.secretId);
		const next = JSON.stringify(change(JSON.parse(content) as Json));
		await store.write(secretRef.secretId, next, versionId);
	}

	describe('a bundle that a newer version of this package wrote', () => {
		let form: Form;
		let typed: Form;
		let newer: Json;
		let secrets: number;
		let requests: number;

		beforeEach(async () => {
			typed = await core.refreshForm({ label: `Newer ${core.provider.issued.length}` });
			form = await core.save(typed);
			await core.call(form);
			await rewrite(form, (json) => ({
				...json,
				vaulted_oauth2: 2,
				token: { sealed: 'otherwise' },
			}));
			newer = await stored(form);
			secrets = await core.stored();
			requests = core.provider.countTokenRequests();
		});
		afterEach(async () => {
			await expect(stored(form)).resolves.toEqual(newer);
			expect(await core.stored()).toBe(secrets);
		});

		const tooNew = {
			failureClass: 'secretStore',
			code: 'BUNDLE_TOO_NEW',
			message: expect.stringContaining('update n8n-nodes-vaulted-oauth2') as string,
		};

		it('is not used, and the message says what to do', async () => {
			const cold = core.process();
			await expect(failureOf(core.call(form, cold))).resolves.toMatchObject(tooNew);
			core.wait(3_601);
			await expect(failureOf(core.call(form, cold))).resolves.toMatchObject(tooNew);
			expect(core.provider.countTokenRequests()).toBe(requests);
		});

		it('is left alone by a process that has its tokens: it serves them to their end', async () => {
			core.wait(3_500);
			await expect(core.call(form)).resolves.toBe(200);
			core.wait(101);
			await expect(failureOf(core.call(form))).resolves.toMatchObject(tooNew);
			expect(core.provider.countTokenRequests()).toBe(requests);
		});

		it.each<[string, (saved: Form) => Form]>([
			['with everything typed again', (saved) => ({ ...typed, secretRef: saved['secretRef'] })],
			['from the form that is still open', () => typed],
			['with another client secret', (saved) => ({ ...saved, clientSecret: CLIENT.clientSecret })],
			[
				'for another place',
				(saved) => ({ ...typed, apiBaseUrl: 'http://127.0.0.1:9', secretRef: saved['secretRef'] }),
			],
		])('is not replaced by a save %s', async (_name, changed) => {
			const again = changed(form);
			await expect(failureOf(core.save(again))).resolves.toMatchObject(tooNew);
			if (again['secretRef'] !== '')
				await expect(failureOf(core.save(again, core.process()))).resolves.toMatchObject(tooNew);
			expect(core.provider.countTokenRequests()).toBe(requests);
		});

		it('is not replaced by Refresh Now', async () => {
			const { tokens } = core.connections.open(await core.connections.read(form));
			await expect(failureOf(tokens.refreshNow())).resolves.toMatchObject(tooNew);
			expect(core.provider.countTokenRequests()).toBe(requests);
		});
	});

	/** Adds keys that this version does not know, at every depth. */
	function withUnknown(json: Json): Json {
		const inner = (key: string): Json => (json[key] ?? {}) as Json;
		const marked = (object: Json): Json => ({ ...object, unknown_key: 'kept' });
		const each = (object: Json): Json =>
			Object.fromEntries(
				Object.entries(object).map(([key, value]) => [key, marked(value as Json)]),
			);
		return marked({
			...json,
			sealed_for: marked(inner('sealed_for')),
			token: marked(inner('token')),
			...(json['other_tokens'] === undefined ? {} : { other_tokens: each(inner('other_tokens')) }),
			typed_sha256: marked(inner('typed_sha256')),
			...(json['authorization'] === undefined
				? {}
				: {
						authorization: marked({
							...inner('authorization'),
							used: each(inner('authorization')['used'] as Json),
						}),
					}),
		});
	}

	/** Where the unknown key is found. */
	function placesOf(json: Json, path = ''): string[] {
		return Object.entries(json).flatMap(([key, value]) => {
			if (key === 'unknown_key') return [path];
			return typeof value === 'object' && value !== null
				? placesOf(value as Json, `${path}/${key}`)
				: [];
		});
	}

	describe('keys that this version does not know', () => {
		it('survive refreshes, of two scopes, and a save', async () => {
			const form = await core.save(await core.refreshForm({ scope: 'api:read' }));
			const other = { ...form, scope: 'api:write' };
			await core.call(other);
			await rewrite(form, withUnknown);
			const places = placesOf(await stored(form)).sort();
			expect(places).toHaveLength(5);
			for (let hour = 0; hour < 2; hour += 1) {
				core.wait(3_601);
				// In the order in which they were issued, so that each stays in its place.
				await core.call(form);
				await core.call(other);
			}
			expect(placesOf(await stored(form)).sort()).toEqual(places);
			await core.save({ ...form, clientSecret: CLIENT.clientSecret, apiBaseUrl: core.api.url });
			await core.save({ ...form, clientSecret: CLIENT.clientSecret }, core.process());
			expect(placesOf(await stored(form)).sort()).toEqual(places);
		});

		it('survive consents and refreshes of an account that a person connects', async () => {
			const form = await core.save(core.codeForm({ redirectUri: PASTE_URI }));
			await connect(form);
			await rewrite(form, withUnknown);
			const places = placesOf(await stored(form)).sort();
			// Top, sealed_for, token, typed_sha256, authorization, and the answer that was pasted.
			expect(places).toHaveLength(6);
			await connect(form);
			expect(placesOf(await stored(form)).sort()).toEqual(places);
			core.wait(3_601);
			await core.call(form);
			expect(placesOf(await stored(form)).sort()).toEqual(places);
		});
	});

	async function connect(form: Form): Promise<void> {
		const { authorization } = core.connections.open(await core.connections.read(form));
		const links = await authorization?.links();
		const person = new Person(({ href }) => href.startsWith(PASTE_URI));
		const { url } = await person.consent(links?.authorizationUrl ?? '');
		core.wait(1);
		await core.save({ ...form, authorizationResponse: url.href });
		await expect(core.call(form)).resolves.toBe(200);
	}
});
