import { createEgress } from '../../src/http/createEgress';
import type { Connections } from '../../src/connections';
import { failureOf } from '../support/failureOf';
import { CLIENT, WholeCore, type Form } from '../support/wholeCore';

const ELSEWHERE = 'http://127.0.0.1:9';

let core: WholeCore;
let connections: Connections;
/** Every address that was asked. */
const asked: string[] = [];

beforeAll(async () => {
	core = await WholeCore.start('localVault');
	const egress = createEgress(undefined, {});
	connections = core.process({
		egress: {
			...egress,
			request: async (url, request) => {
				asked.push(url);
				return await egress.request(url, request);
			},
		},
	});
});
beforeEach(() => {
	asked.length = 0;
});
afterAll(async () => {
	await core.close();
});

/** What an editor changes to have the stored secret sent, or the token used, elsewhere. */
const CHANGES: Record<string, Form> = {
	'Token URL': { tokenUrl: `${ELSEWHERE}/token` },
	'Issuer URL': { issuerUrl: ELSEWHERE },
	'API Base URL': { apiBaseUrl: ELSEWHERE },
	'Additional API Origins': { additionalApiOrigins: ELSEWHERE },
	'Client ID': { clientId: 'another-client' },
	'Grant Type': { grantType: 'clientCredentials', clientSecretSource: 'enter' },
};

/** What is typed, of the two secrets that a refresh token connection has. */
const TYPED: Record<string, Form> = {
	nothing: {},
	'a new Client Secret': { clientSecret: 'typed-by-an-editor' },
	'the same Client Secret': { clientSecret: CLIENT.clientSecret },
	'a new Refresh Token': { refreshToken: 'typed-by-an-editor' },
};

const EDITS = Object.keys(CHANGES).flatMap((field) =>
	Object.keys(TYPED)
		// A client secret is all that the client credentials grant needs.
		.filter((typed) => field !== 'Grant Type' || !typed.includes('Client Secret'))
		.map((typed) => [field, typed] as const),
);

it.each(EDITS)(
	'another %s with %s typed: what is stored is not used there',
	async (field, typed) => {
		const form = await core.save(
			await core.refreshForm({ label: `${field}, ${typed}` }),
			connections,
		);
		asked.length = 0;
		const edited = { ...form, ...CHANGES[field], ...TYPED[typed] };
		await expect(failureOf(core.save(edited, connections))).resolves.toMatchObject({
			failureClass: 'configuration',
			code: 'SEALED_FOR_OTHER',
			field,
		});
		const { tokens } = connections.open(await connections.read(edited));
		await expect(failureOf(tokens.get())).resolves.toMatchObject({ code: 'SEALED_FOR_OTHER' });
		await expect(failureOf(tokens.refreshNow())).resolves.toMatchObject({
			code: 'SEALED_FOR_OTHER',
		});
		expect(asked.filter((url) => url.startsWith(ELSEWHERE))).toEqual([]);
		expect(core.provider.countTokenRequests({ result: 'invalid_client' })).toBe(0);
		await expect(core.call(form, connections)).resolves.toBe(200);
	},
);

it('a refresh that fails while a credential is saved gives the lease back', async () => {
	const store = await WholeCore.start('awsSecretsManager');
	try {
		const queue = store.process({ severalProcesses: true });
		const form = await store.save(await store.refreshForm(), queue);
		const { secretRef } = queue.open(await queue.read(form));
		const wrong = { ...form, clientSecret: 'typed-wrong' };
		await expect(failureOf(store.save(wrong, queue))).resolves.toMatchObject({
			code: 'INVALID_CLIENT',
		});
		expect(JSON.parse(store.aws.secret(secretRef.secretId)?.content ?? '{}')).not.toHaveProperty(
			'lease',
		);
		// Otherwise another process would wait for a minute.
		store.wait(3601);
		await expect(store.call(form, store.process({ severalProcesses: true }))).resolves.toBe(200);
	} finally {
		await store.close();
	}
});
