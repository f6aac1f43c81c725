import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ConfigurationError } from '../errors';
import type { EgressPolicy } from '../http/egress';

/** What this package takes over from the n8n instance it runs in. */
export interface InstanceSettings {
	/** Where n8n keeps its own files, such as `/home/node/.n8n`. */
	readonly userFolder: string;
	/** n8n's own encryption key, or `undefined` where it cannot be found. Confidential. */
	readonly encryptionKey: string | undefined;
	/** Whether a credential may use the AWS identity of the host. */
	readonly awsSystemCredentialsAllowed: boolean;
	/** Whether other processes of this n8n use the same connections: queue mode, or several mains. */
	readonly severalProcesses: boolean;
	/** Whether this process ends right after its run, as `n8n execute` does. */
	readonly endsAfterRun: boolean;
	/** When the redemption of a refresh token takes the lease: `VAULTED_OAUTH2_LEASE`. */
	readonly lease: LeaseSetting;
	/** Milliseconds that n8n gives a process to end: `N8N_GRACEFUL_SHUTDOWN_TIMEOUT`, for a worker `QUEUE_WORKER_TIMEOUT` before it. */
	readonly shutdownMs: number;
	/** `undefined` where the instance lets requests go anywhere. */
	readonly egressPolicy: EgressPolicy | undefined;
}

type Environment = NodeJS.ProcessEnv;

const LEASE_SETTINGS = ['automatic', 'always', 'never'] as const;

/** One of {@link LEASE_SETTINGS}. */
export type LeaseSetting = (typeof LEASE_SETTINGS)[number];

/** Commands of n8n that run until they are stopped; every other one ends after its run. `n8n` alone starts. */
const LASTING_COMMANDS: readonly string[] = ['start', 'worker', 'webhook'];
/** Commands that are part of a queue mode, whatever the environment says. */
const QUEUE_COMMANDS: readonly string[] = ['worker', 'webhook'];
const DEFAULT_SHUTDOWN_SECONDS = 30;

/** n8n's own default of `N8N_SSRF_BLOCKED_IP_RANGES`. */
const DEFAULT_BLOCKED_IP_RANGES = [
	'10.0.0.0/8',
	'172.16.0.0/12',
	'192.168.0.0/16',
	'127.0.0.0/8',
	'::1/128',
	'169.254.0.0/16',
	'fe80::/10',
	'fc00::/7',
	'fd00::/8',
	'0.0.0.0/8',
	'192.0.0.0/24',
	'192.0.2.0/24',
	'198.18.0.0/15',
	'198.51.100.0/24',
	'203.0.113.0/24',
];

/**
 * What "default" means here besides n8n's own ranges: shared address space (RFC 6598), multicast, reserved addresses and broadcast, and
 * NAT64 within one network (RFC 8215).
 */
const FURTHER_BLOCKED_IP_RANGES = [
	'100.64.0.0/10',
	'224.0.0.0/4',
	'240.0.0.0/4',
	'ff00::/8',
	'64:ff9b:1::/48',
];

/**
 * Reads n8n's settings the way n8n does, from the environment and from n8n's settings file.
 *
 * @param argument n8n's first argument: the command it runs, such as `worker`. Without one, or with an option in its place, n8n starts
 * @throws ConfigurationError if `VAULTED_OAUTH2_LEASE` is none of its values
 */
export function readInstanceSettings(env: Environment, argument?: string): InstanceSettings {
	const command = argument === undefined || argument.startsWith('-') ? 'start' : argument;
	const userFolder = findUserFolder(env);
	return {
		userFolder,
		encryptionKey:
			nonEmpty(unquoted(readVariable(env, 'N8N_ENCRYPTION_KEY'))) ?? keyInSettingsFile(userFolder),
		awsSystemCredentialsAllowed: isTrue(env, 'N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED'),
		severalProcesses:
			QUEUE_COMMANDS.includes(command) ||
			readVariable(env, 'EXECUTIONS_MODE')?.toLowerCase() === 'queue' ||
			isTrue(env, 'N8N_MULTI_MAIN_SETUP_ENABLED'),
		endsAfterRun: !LASTING_COMMANDS.includes(command),
		lease: readLeaseSetting(env),
		shutdownMs: readShutdownSeconds(env, command) * 1000,
		egressPolicy: isTrue(env, 'N8N_SSRF_PROTECTION_ENABLED') ? readEgressPolicy(env) : undefined,
	};
}

function readLeaseSetting(env: Environment): LeaseSetting {
	const value = readVariable(env, 'VAULTED_OAUTH2_LEASE')?.trim().toLowerCase() || 'automatic';
	const setting = LEASE_SETTINGS.find((name) => name === value);
	if (setting !== undefined) return setting;
	throw new ConfigurationError(
		'VAULTED_OAUTH2_LEASE',
		`this setting of the instance is one of ${LEASE_SETTINGS.join(', ')}. Correct the environment variable and restart n8n.`,
		{ code: 'INVALID_SETTING' },
	);
}

function readShutdownSeconds(env: Environment, command: string): number {
	const names = [
		...(command === 'worker' ? ['QUEUE_WORKER_TIMEOUT'] : []),
		'N8N_GRACEFUL_SHUTDOWN_TIMEOUT',
	];
	const seconds = names.map((name) => Number(readVariable(env, name)));
	return seconds.find((value) => Number.isFinite(value) && value > 0) ?? DEFAULT_SHUTDOWN_SECONDS;
}

function findUserFolder(env: Environment): string {
	const home = process.platform === 'win32' ? env['USERPROFILE'] : env['HOME'];
	return join(env['N8N_USER_FOLDER'] ?? home ?? process.cwd(), '.n8n');
}

function keyInSettingsFile(userFolder: string): string | undefined {
	const text = readText(join(userFolder, 'config'));
	try {
		const settings = JSON.parse(text ?? '') as { encryptionKey?: unknown } | null;
		const key = settings?.encryptionKey;
		return typeof key === 'string' ? nonEmpty(key) : undefined;
	} catch {
		return undefined;
	}
}

function readEgressPolicy(env: Environment): EgressPolicy {
	const blocked = unquoted(readVariable(env, 'N8N_SSRF_BLOCKED_IP_RANGES')) ?? 'default';
	return {
		blockedIpRanges: listed(blocked).flatMap((range) =>
			range.toLowerCase() === 'default'
				? [...DEFAULT_BLOCKED_IP_RANGES, ...FURTHER_BLOCKED_IP_RANGES]
				: range,
		),
		allowedIpRanges: listed(readVariable(env, 'N8N_SSRF_ALLOWED_IP_RANGES')),
		blockedHostnames: listed(readVariable(env, 'N8N_SSRF_BLOCKED_HOSTNAMES')),
		allowedHostnames: listed(readVariable(env, 'N8N_SSRF_ALLOWED_HOSTNAMES')),
	};
}

/** A variable, or the content of the file that the variable of the same name with `_FILE` names. */
function readVariable(env: Environment, name: string): string | undefined {
	const file = env[`${name}_FILE`];
	return env[name] ?? (file ? readText(file)?.trim() : undefined);
}

function isTrue(env: Environment, name: string): boolean {
	return ['true', '1'].includes(readVariable(env, name)?.toLowerCase() ?? '');
}

function unquoted(value: string | undefined): string | undefined {
	return value?.trim().replace(/^(['"])(.*)\1$/, '$2');
}

function nonEmpty(value: string | undefined): string | undefined {
	return value === '' ? undefined : value;
}

function listed(value: string | undefined): string[] {
	return (value ?? '')
		.split(',')
		.map((entry) => entry.trim())
		.filter((entry) => entry !== '');
}

function readText(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}
