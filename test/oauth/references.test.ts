import { createReferenceGuard, type ReferencePolicy } from '../../src/oauth/references';
import { failureOf } from '../support/failureOf';
import { MemoryStore } from '../support/memoryStore';

const NAME = 'crm/client';
const USE = { secretId: NAME, hosts: ['login.example.com'], clientId: 'crm' };
const FIVE_MINUTES = 300_000;

let store: MemoryStore;
let now: number;

beforeEach(async () => {
	store = new MemoryStore();
	now = 1_000_000;
	await store.create(NAME, 'example-secret');
	store.calls.length = 0;
});

const guard = (policy: ReferencePolicy = {}) => createReferenceGuard(store, policy, () => now);
const tag = (tokenHosts?: string, clientId?: string): void => {
	store.tags.set(NAME, {
		unrelated: 'x',
		...(tokenHosts === undefined ? {} : { 'vaulted-oauth2:token-hosts': tokenHosts }),
		...(clientId === undefined ? {} : { 'vaulted-oauth2:client-id': clientId }),
	});
};

describe('a referenced secret', () => {
	it('is refused if nothing permits it, with the exact tag that would', async () => {
		const error = await failureOf(guard().assertAllowed(USE));

		expect(error).toMatchObject({
			failureClass: 'configuration',
			code: 'REFERENCE_NOT_ALLOWED',
			field: 'Client Secret Name or ARN',
		});
		for (const text of [
			NAME,
			'the tag "vaulted-oauth2:token-hosts" with the value "login.example.com"',
			'VAULTED_OAUTH2_REFERENCES',
		])
			expect(error.message).toContain(text);
	});

	it.each<[string, string | undefined, string | undefined]>([
		['a tag for this host', 'login.example.com', undefined],
		['a tag for several hosts', ' a.example.com  Login.Example.com', undefined],
		['tags for this host and client', 'login.example.com', 'crm'],
	])('is permitted by %s', async (_name, hosts, client) => {
		tag(hosts, client);

		await expect(guard().assertAllowed(USE)).resolves.toBeUndefined();
	});

	it.each<[string, string | undefined, string | undefined, string]>([
		['another host', 'a.example.com', undefined, '"a.example.com login.example.com"'],
		[
			'a host that only begins alike',
			'login.example',
			undefined,
			'"login.example login.example.com"',
		],
		['a port', 'login.example.com:8443', undefined, 'login.example.com:8443 login.example.com"'],
		['another client', 'login.example.com', 'erp', 'value to "crm"'],
		['this client and no host', undefined, 'crm', 'token-hosts'],
	])('is refused with tags for %s', async (_name, hosts, client, text) => {
		tag(hosts, client);

		const error = await failureOf(guard().assertAllowed(USE));
		expect(error.code).toBe('REFERENCE_NOT_ALLOWED');
		expect(error.message).toContain(text);
	});

	it('needs every host it can be sent to: the issuer’s as well', async () => {
		tag('login.example.com');
		const use = { ...USE, hosts: ['login.example.com', 'issuer.example.com'] };

		const error = await failureOf(guard().assertAllowed(use));
		expect(error.message).toContain('the value "login.example.com issuer.example.com"');
	});
});

describe('the operator', () => {
	it.each<[string, ReferencePolicy, boolean]>([
		['lists it', { references: ['erp/client', 'crm/client'] }, true],
		['lists its beginning', { references: ['crm/*'] }, true],
		['lists a name that it begins with', { references: ['crm'] }, false],
		['lists a name with an asterisk inside', { references: ['crm/*t'] }, false],
		['lists another beginning', { references: ['erp/*'] }, false],
		['lists a name that begins with it', { references: ['crm/client-2'] }, false],
		['trusts all editors', { trustEditors: true }, true],
		['does not', { references: [], trustEditors: false }, false],
	])('who %s decides without a call of AWS: %j', async (_name, policy, permitted) => {
		const outcome = guard(policy).assertAllowed(USE);

		if (permitted) {
			await outcome;
			expect(store.calls).toEqual([]);
		} else {
			expect((await failureOf(outcome)).code).toBe('REFERENCE_NOT_ALLOWED');
		}
	});

	it.each([
		['arn:aws:secretsmanager:eu-central-1:123456789012:secret:crm/client-AbCdEf', true],
		['arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:crm/client-AbCdEf', true],
		['arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/crm/client-AbCdEf', false],
		['arn:aws:secretsmanager:eu-central-1:123456789012:secret:crm/client-admin-AbCdEf', false],
	])('means the name in the ARN %s: %s', async (secretId, permitted) => {
		store.secrets.set(secretId, { version: 1, content: 'x' });
		const outcome = guard({ references: ['crm/client'] }).assertAllowed({ ...USE, secretId });

		if (permitted) await outcome;
		else expect((await failureOf(outcome)).code).toBe('REFERENCE_NOT_ALLOWED');
	});
});

describe('the tags', () => {
	const asked = () => store.count('describe');

	it('are read once in five minutes while they permit it', async () => {
		tag('login.example.com');
		const one = guard();

		for (let n = 0; n < 5; n++) await one.assertAllowed(USE);
		expect(asked()).toBe(1);
		now += FIVE_MINUTES - 1;
		await one.assertAllowed(USE);
		expect(asked()).toBe(1);
		now += 1;
		tag('elsewhere.example.com');
		expect((await failureOf(one.assertAllowed(USE))).code).toBe('REFERENCE_NOT_ALLOWED');
	});

	it.each([
		['another host', { ...USE, hosts: ['evil.test'] }],
		['another client', { ...USE, clientId: 'other' }],
	])('are read for %s although they permitted this one', async (_name, other) => {
		tag('login.example.com', 'crm');
		const one = guard();
		await one.assertAllowed(USE);

		expect((await failureOf(one.assertAllowed(other))).code).toBe('REFERENCE_NOT_ALLOWED');
	});

	it('are read again at once after a refusal, and after the clock was set back', async () => {
		const one = guard();
		await failureOf(one.assertAllowed(USE));
		tag('login.example.com');
		await one.assertAllowed(USE);
		expect(asked()).toBe(2);

		now -= 1;
		await one.assertAllowed(USE);
		expect(asked()).toBe(3);
	});

	it('that cannot be read permit nothing', async () => {
		tag('login.example.com');
		store.fail('describe', 'ACCESS_DENIED');

		expect(await failureOf(guard().assertAllowed(USE))).toMatchObject({
			failureClass: 'secretStore',
			code: 'ACCESS_DENIED',
		});
	});
});
