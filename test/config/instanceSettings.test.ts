import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readInstanceSettings } from '../../src/config/instanceSettings';

let home: string;

beforeEach(() => {
	home = mkdtempSync(join(tmpdir(), 'n8n-home-'));
});

afterEach(() => {
	rmSync(home, { recursive: true });
});

describe('user folder', () => {
	it('is .n8n in N8N_USER_FOLDER', () => {
		const { userFolder } = readInstanceSettings({ N8N_USER_FOLDER: '/data', HOME: '/home/node' });

		expect(userFolder).toBe(join('/data', '.n8n'));
	});

	it("is .n8n in the user's home otherwise", () => {
		const { userFolder } = readInstanceSettings({ HOME: '/home/node', USERPROFILE: '/home/node' });

		expect(userFolder).toBe(join('/home/node', '.n8n'));
	});

	it('is .n8n in the working directory where there is no home', () => {
		expect(readInstanceSettings({}).userFolder).toBe(join(process.cwd(), '.n8n'));
	});
});

describe('several processes', () => {
	it.each([
		[{ EXECUTIONS_MODE: 'queue' }, true],
		[{ N8N_MULTI_MAIN_SETUP_ENABLED: 'true' }, true],
		[{ EXECUTIONS_MODE: 'regular', N8N_MULTI_MAIN_SETUP_ENABLED: 'false' }, false],
		[{}, false],
	])('share the connections where the environment is %j: %s', (env, expected) => {
		expect(readInstanceSettings(env).severalProcesses).toBe(expected);
	});
});

describe('the command', () => {
	it.each(['worker', 'webhook'])(
		'%s is part of queue mode, though EXECUTIONS_MODE is not set',
		(command) => {
			expect(readInstanceSettings({}, command)).toMatchObject({
				severalProcesses: true,
				endsAfterRun: false,
			});
		},
	);

	it.each([undefined, 'start', '--tunnel', '-o'])('%s is a regular n8n', (argument) => {
		expect(readInstanceSettings({}, argument)).toMatchObject({
			severalProcesses: false,
			endsAfterRun: false,
		});
	});

	it.each(['execute', 'execute-batch', 'executeBatch'])('%s ends after its run', (command) => {
		expect(readInstanceSettings({}, command)).toMatchObject({
			severalProcesses: false,
			endsAfterRun: true,
		});
	});
});

describe('the time to end', () => {
	it.each<[NodeJS.ProcessEnv, string, number]>([
		[{}, 'start', 30_000],
		[{ N8N_GRACEFUL_SHUTDOWN_TIMEOUT: '90' }, 'start', 90_000],
		[{ N8N_GRACEFUL_SHUTDOWN_TIMEOUT: '90' }, 'worker', 90_000],
		[{ N8N_GRACEFUL_SHUTDOWN_TIMEOUT: '90', QUEUE_WORKER_TIMEOUT: '10' }, 'worker', 10_000],
		[{ N8N_GRACEFUL_SHUTDOWN_TIMEOUT: '90', QUEUE_WORKER_TIMEOUT: '10' }, 'webhook', 90_000],
		[{ N8N_GRACEFUL_SHUTDOWN_TIMEOUT: 'long' }, 'start', 30_000],
		[{ N8N_GRACEFUL_SHUTDOWN_TIMEOUT: '0' }, 'start', 30_000],
	])('is with %j as %s: %i ms', (env, command, expected) => {
		expect(readInstanceSettings(env, command).shutdownMs).toBe(expected);
	});
});

describe('encryption key', () => {
	it('is N8N_ENCRYPTION_KEY, trimmed and without quotes, even where the settings file has another', () => {
		writeSettings('{"encryptionKey":"from-settings"}');

		expect(keyFrom({ N8N_ENCRYPTION_KEY: 'from-variable' })).toBe('from-variable');
		expect(keyFrom({ N8N_ENCRYPTION_KEY: ' "from variable" ' })).toBe('from variable');
	});

	it('is the trimmed content of the file that N8N_ENCRYPTION_KEY_FILE names', () => {
		writeSettings('{"encryptionKey":"from-settings"}');
		const file = join(home, 'key');
		writeFileSync(file, 'from-file\n');

		expect(keyFrom({ N8N_ENCRYPTION_KEY_FILE: file })).toBe('from-file');
		expect(keyFrom({ N8N_ENCRYPTION_KEY_FILE: file, N8N_ENCRYPTION_KEY: 'from-variable' })).toBe(
			'from-variable',
		);
	});

	it.each([{}, { N8N_ENCRYPTION_KEY: '' }, { N8N_ENCRYPTION_KEY_FILE: '/does/not/exist' }])(
		"is encryptionKey in n8n's settings file where the environment is %j",
		(env) => {
			writeSettings('{"encryptionKey":"from-settings","tunnelSubdomain":"x"}');

			expect(keyFrom(env)).toBe('from-settings');
		},
	);

	it('is unknown where no settings file is', () => {
		expect(keyFrom({})).toBeUndefined();
	});

	it.each(['', 'not JSON', 'null', '[]', '{}', '{"encryptionKey":""}', '{"encryptionKey":7}'])(
		'is unknown where the settings file says %s',
		(text) => {
			writeSettings(text);

			expect(keyFrom({})).toBeUndefined();
		},
	);
});

describe('AWS identity of the host', () => {
	it.each(['true', 'TRUE', '1'])('may be used where the setting is %s', (value) => {
		expect(awsAllowed({ N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED: value })).toBe(true);
	});

	it.each(['false', '0', '', 'yes', ' true', undefined])(
		'may not be used where the setting is %j',
		(value) => {
			expect(awsAllowed({ N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED: value })).toBe(false);
		},
	);

	it('may be used where a file says so', () => {
		const file = join(home, 'allowed');
		writeFileSync(file, 'true\n');

		expect(awsAllowed({ N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED_FILE: file })).toBe(true);
	});
});

describe('egress policy', () => {
	it.each([undefined, 'false', '0', 'on'])('is none where protection is %j', (value) => {
		expect(readInstanceSettings({ N8N_SSRF_PROTECTION_ENABLED: value }).egressPolicy).toBe(
			undefined,
		);
	});

	it("has n8n's default ranges where nothing else is set", () => {
		const policy = policyFrom({});

		expect(policy?.blockedIpRanges).toEqual(
			expect.arrayContaining(['10.0.0.0/8', '127.0.0.0/8', '::1/128', '169.254.0.0/16']),
		);
		// Those that n8n's list lacks.
		expect(policy?.blockedIpRanges).toEqual(
			expect.arrayContaining(['100.64.0.0/10', '224.0.0.0/4', '240.0.0.0/4', 'ff00::/8']),
		);
		expect(policy).toMatchObject({
			allowedIpRanges: [],
			blockedHostnames: [],
			allowedHostnames: [],
		});
	});

	it('replaces the default ranges, or adds to them by the word "default"', () => {
		const defaults = policyFrom({})?.blockedIpRanges ?? [];

		expect(policyFrom({ N8N_SSRF_BLOCKED_IP_RANGES: '8.8.8.0/24' })?.blockedIpRanges).toEqual([
			'8.8.8.0/24',
		]);
		expect(
			policyFrom({ N8N_SSRF_BLOCKED_IP_RANGES: '"8.8.8.0/24, Default"' })?.blockedIpRanges,
		).toEqual(['8.8.8.0/24', ...defaults]);
		expect(policyFrom({ N8N_SSRF_BLOCKED_IP_RANGES: '' })?.blockedIpRanges).toEqual([]);
	});

	it('reads comma-separated ranges and names', () => {
		const policy = policyFrom({
			N8N_SSRF_ALLOWED_IP_RANGES: '10.1.0.0/16, fd12::/16,',
			N8N_SSRF_BLOCKED_HOSTNAMES: 'metadata.internal,*.corp.example',
			N8N_SSRF_ALLOWED_HOSTNAMES: 'idp.corp.example',
		});

		expect(policy).toMatchObject({
			allowedIpRanges: ['10.1.0.0/16', 'fd12::/16'],
			blockedHostnames: ['metadata.internal', '*.corp.example'],
			allowedHostnames: ['idp.corp.example'],
		});
	});

	describe('by the names that follow N8N_SSRF_*', () => {
		it.each([
			['enforce', undefined, true],
			[' Enforce ', undefined, true],
			['enforce', 'false', true],
			['log', undefined, false],
			['off', undefined, false],
			// Either is enough: an n8n that knows the older name only goes by that.
			['log', 'true', true],
			['off', '1', true],
		])('the mode %j with protection %j: %p', (mode, enabled, isProtected) => {
			const { egressPolicy } = readInstanceSettings({
				N8N_EGRESS_PROTECTION_MODE: mode,
				N8N_SSRF_PROTECTION_ENABLED: enabled,
			});
			expect(egressPolicy !== undefined).toBe(isProtected);
		});

		it('a list replaces that of the older name, and ranges add to the default', () => {
			const names = {
				N8N_EGRESS_PROTECTION_MODE: 'enforce',
				N8N_SSRF_BLOCKED_IP_RANGES: '9.9.9.0/24',
				N8N_SSRF_ALLOWED_HOSTNAMES: 'older.example.com',
			};
			const defaults = policyFrom({})?.blockedIpRanges ?? [];

			expect(readInstanceSettings(names).egressPolicy).toEqual({
				blockedIpRanges: ['9.9.9.0/24'],
				allowedIpRanges: [],
				blockedHostnames: [],
				allowedHostnames: ['older.example.com'],
			});
			expect(
				readInstanceSettings({
					...names,
					N8N_EGRESS_BLOCKED_IP_RANGES: '8.8.8.0/24',
					N8N_EGRESS_ALLOWED_IP_RANGES: '10.1.0.0/16',
					N8N_EGRESS_BLOCKED_HOSTNAMES: 'metadata.internal',
					N8N_EGRESS_ALLOWED_HOSTNAMES: 'newer.example.com',
				}).egressPolicy,
			).toEqual({
				blockedIpRanges: [...defaults, '8.8.8.0/24'],
				allowedIpRanges: ['10.1.0.0/16'],
				blockedHostnames: ['metadata.internal'],
				allowedHostnames: ['newer.example.com'],
			});
		});
	});
});

function writeSettings(text: string): void {
	mkdirSync(join(home, '.n8n'));
	writeFileSync(join(home, '.n8n', 'config'), text);
}

function keyFrom(env: NodeJS.ProcessEnv) {
	return readInstanceSettings({ ...env, N8N_USER_FOLDER: home }).encryptionKey;
}

function awsAllowed(env: NodeJS.ProcessEnv) {
	return readInstanceSettings(env).awsSystemCredentialsAllowed;
}

function policyFrom(env: NodeJS.ProcessEnv) {
	return readInstanceSettings({ ...env, N8N_SSRF_PROTECTION_ENABLED: 'true' }).egressPolicy;
}
