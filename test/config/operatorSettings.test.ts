import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describeSettings, settingWarnings } from '../../src/config/describeSettings';
import { isAllowedHost } from '../../src/config/hosts';
import { readInstanceSettings } from '../../src/config/instanceSettings';
import { readOperatorSettings, SETTING_NAMES } from '../../src/config/operatorSettings';
import { thrownBy } from '../support/failureOf';

const HOME = { HOME: '/nowhere', USERPROFILE: '/nowhere' };

describe('the operator’s settings', () => {
	it.each([{}, Object.fromEntries(SETTING_NAMES.map((name) => [name, '']))])(
		'limit nothing but links and references by default: %j',
		(env) => {
			expect(readOperatorSettings(env)).toEqual({
				trustEditors: false,
				linksOnlyByEditors: false,
				listByWorkflows: false,
			});
		},
	);

	it('are read from their variables', () => {
		expect(
			readOperatorSettings({
				VAULTED_OAUTH2_LINKS: 'Editors',
				VAULTED_OAUTH2_LIST: 'Workflows',
				VAULTED_OAUTH2_SECRET_PREFIX: '"prod/n8n/"',
				VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS: 'Login.Example.com, *.auth0.com',
				VAULTED_OAUTH2_ALLOWED_API_HOSTS: 'api.example.com:8443',
				VAULTED_OAUTH2_ALLOWED_AWS_HOSTS: '*.amazonaws.com',
				VAULTED_OAUTH2_ALLOWED_AWS_ACCOUNTS: '123456789012,210987654321',
				VAULTED_OAUTH2_REFERENCES: 'crm/client,shared/*',
				VAULTED_OAUTH2_TRUST_EDITORS: 'TRUE',
			}),
		).toEqual({
			linksOnlyByEditors: true,
			listByWorkflows: true,
			secretPrefix: 'prod/n8n/',
			allowedTokenHosts: ['login.example.com', '*.auth0.com'],
			allowedApiHosts: ['api.example.com:8443'],
			allowedAwsHosts: ['*.amazonaws.com'],
			allowedAwsAccounts: ['123456789012', '210987654321'],
			references: ['crm/client', 'shared/*'],
			trustEditors: true,
		});
	});

	it.each(['automatic', 'always', 'never'])('take the lease %s', (lease) => {
		expect(readInstanceSettings({ ...HOME, VAULTED_OAUTH2_LEASE: lease })).toMatchObject({ lease });
	});

	it.each([
		['VAULTED_OAUTH2_LEASE', 'sometimes'],
		['VAULTED_OAUTH2_LINKS', 'nobody'],
		['VAULTED_OAUTH2_LIST', 'everybody'],
		['VAULTED_OAUTH2_SECRET_PREFIX', 'with space'],
		['VAULTED_OAUTH2_SECRET_PREFIX', 'x'.repeat(129)],
		['VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS', 'https://login.example.com'],
		['VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS', 'login.example.com/path'],
		['VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS', 'a.example.com,*'],
		['VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS', 'login.*.com'],
		['VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS', ','],
		['VAULTED_OAUTH2_ALLOWED_API_HOSTS', 'user@api.example.com'],
		['VAULTED_OAUTH2_ALLOWED_AWS_HOSTS', 'a..example.com'],
		['VAULTED_OAUTH2_ALLOWED_AWS_ACCOUNTS', '12345678901'],
		['VAULTED_OAUTH2_REFERENCES', '*crm'],
		['VAULTED_OAUTH2_REFERENCES', '*'],
		['VAULTED_OAUTH2_REFERENCES', 'crm client'],
		['VAULTED_OAUTH2_TRUST_EDITORS', 'yes'],
	])('refuses %s=%s, naming it and not its value', (name, value) => {
		const error = thrownBy(() => readInstanceSettings({ ...HOME, [name]: value }));

		expect(error).toMatchObject({ code: 'INVALID_SETTING', field: name });
		expect(error.message).toMatch(/Correct the environment variable and restart n8n/);
		if (value.length > 3) expect(error.message).not.toContain(value);
	});

	it('are read from the file that _FILE names, and refused if that cannot be read', () => {
		const folder = mkdtempSync(join(tmpdir(), 'settings-'));
		try {
			const file = join(folder, 'hosts');
			writeFileSync(file, 'login.example.com\n');
			const read = (path: string) =>
				readOperatorSettings({ VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS_FILE: path });

			expect(read(file).allowedTokenHosts).toEqual(['login.example.com']);
			expect(thrownBy(() => read(`${file}s`))).toMatchObject({
				code: 'INVALID_SETTING',
				field: 'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS',
			});
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});

describe('the keys of the local vault', () => {
	it('are the vault’s own, else n8n’s, and the previous one', () => {
		const n8n = { ...HOME, N8N_ENCRYPTION_KEY: 'of-n8n' };

		expect(readInstanceSettings(n8n)).toMatchObject({
			encryptionKey: 'of-n8n',
			hasOwnVaultKey: false,
		});
		expect(readInstanceSettings(n8n)).not.toHaveProperty('previousEncryptionKey');
		expect(
			readInstanceSettings({
				...n8n,
				VAULTED_OAUTH2_VAULT_KEY: 'own',
				VAULTED_OAUTH2_VAULT_PREVIOUS_KEY: 'of-n8n',
			}),
		).toMatchObject({
			encryptionKey: 'own',
			hasOwnVaultKey: true,
			previousEncryptionKey: 'of-n8n',
		});
	});

	it.each([
		['', true],
		['a', true],
		['password', true],
		['passwordpasswordpassword', true],
		['my-n8n-encryption-key', true],
		['a'.repeat(64), true],
		['abc'.repeat(12), true],
		// What n8n makes itself: 24 random bytes, base64.
		['q3Zk8vT1xYcB5nWm2LhJpR7sD0fGaKeU', false],
		['9f86d081884c7d659a2feaa0c55ad015', false],
		['3b241101-e2bb-4255-8caf-4136c566a962', false],
		['correct horse battery staple', false],
	])('are warned of if they are weak: %s', (key, isWeak) => {
		const warnings = settingWarnings({ ...readInstanceSettings(HOME), encryptionKey: key });

		expect(warnings).toHaveLength(isWeak ? 1 : 0);
		if (key.length > 4) expect(warnings.join()).not.toContain(key);
	});

	it('are not warned of if there is none', () => {
		expect(settingWarnings(readInstanceSettings(HOME))).toEqual([]);
	});
});

describe('the description for the log', () => {
	it('has every setting, and neither key', () => {
		const described = describeSettings(
			readInstanceSettings({
				...HOME,
				VAULTED_OAUTH2_VAULT_KEY: 'example-current-key',
				VAULTED_OAUTH2_VAULT_PREVIOUS_KEY: 'example-former-key',
				VAULTED_OAUTH2_ALLOWED_API_HOSTS: 'a.example.com,b.example.com',
			}),
		);

		expect(Object.keys(described).sort()).toEqual([...SETTING_NAMES].sort());
		expect(described).toMatchObject({
			VAULTED_OAUTH2_LEASE: 'automatic',
			VAULTED_OAUTH2_LINKS: 'workflows',
			VAULTED_OAUTH2_ALLOWED_API_HOSTS: 'a.example.com,b.example.com',
			VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS: 'any',
			VAULTED_OAUTH2_VAULT_KEY: 'set',
			VAULTED_OAUTH2_VAULT_PREVIOUS_KEY: 'set',
		});
		expect(JSON.stringify(described)).not.toMatch(/example-(current|former)-key/);
	});
});

describe('a list of hosts', () => {
	it.each([
		['https://login.example.com/oauth2/token', true],
		['https://LOGIN.example.com:443/', true],
		['https://a.auth.example.org/', true],
		['https://a.b.auth.example.org/', true],
		['http://127.0.0.1:8080/', true],
		['https://login.example.com:8443/', false],
		['https://login.example.com.evil.test/', false],
		['https://evil.test/login.example.com', false],
		['https://login.example.com@evil.test/', false],
		['https://xlogin.example.com/', false],
		['https://login.example.com./', false],
		['https://auth.example.org/', false],
		['https://evilauth.example.org/', false],
		['https://a.auth.example.org:8443/', false],
		['http://127.0.0.1/', false],
		['no address', false],
	])('has %s in it: %s', (address, expected) => {
		const hosts = ['login.example.com', '*.auth.example.org', '127.0.0.1:8080'];

		expect(isAllowedHost(address, hosts)).toBe(expected);
	});
});
