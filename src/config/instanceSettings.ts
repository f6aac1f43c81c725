import { join } from 'node:path';

import type { EgressPolicy } from '../http/egress';
import {
	listed,
	nonEmpty,
	readText,
	readVariable,
	unquoted,
	type Environment,
} from './environment';
import {
	readChoice,
	readOperatorSettings,
	readSetting,
	type OperatorSettings,
} from './operatorSettings';

/** What this package takes over from the n8n instance it runs in, and what its operator decides. */
export interface InstanceSettings extends OperatorSettings {
	/** Where n8n keeps its own files, such as `/home/node/.n8n`. */
	readonly userFolder: string;
	/** What the local vault is locked with: `VAULTED_OAUTH2_VAULT_KEY`, else n8n's own encryption key. `undefined` if there is none. Confidential. */
	readonly encryptionKey: string | undefined;
	/** Whether it is `VAULTED_OAUTH2_VAULT_KEY`. */
	readonly hasOwnVaultKey?: boolean;
	/** What the local vault may have been locked with before: `VAULTED_OAUTH2_VAULT_PREVIOUS_KEY`. Confidential. */
	readonly previousEncryptionKey?: string;
	/** Whether a credential may use the AWS identity of the host. */
	readonly awsSystemCredentialsAllowed: boolean;
	/** Whether other processes of this n8n use the same connections: queue mode, or several mains. */
	readonly severalProcesses: boolean;
	/** Whether this process ends right after its run, as `n8n execute` does. */
	readonly endsAfterRun: boolean;
	/** When the redemption of a refresh token takes the lease: `VAULTED_OAUTH2_LEASE`. */
	readonly lease: LeaseSetting;
	/** Whether connect links are made by the credential's form only: `VAULTED_OAUTH2_LINKS=editors`. */
	readonly linksOnlyByEditors?: boolean;
	/** Milliseconds that n8n gives a process to end: `N8N_GRACEFUL_SHUTDOWN_TIMEOUT`, for a worker `QUEUE_WORKER_TIMEOUT` before it. */
	readonly shutdownMs: number;
	/** `undefined` where the instance lets requests go anywhere. */
	readonly egressPolicy: EgressPolicy | undefined;
}

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
 * @throws ConfigurationError `INVALID_SETTING` if a setting of this package has a value that cannot be used
 */
export function readInstanceSettings(env: Environment, argument?: string): InstanceSettings {
	const command = argument === undefined || argument.startsWith('-') ? 'start' : argument;
	const userFolder = findUserFolder(env);
	const vaultKey = readSetting(env, 'VAULTED_OAUTH2_VAULT_KEY');
	const previousEncryptionKey = readSetting(env, 'VAULTED_OAUTH2_VAULT_PREVIOUS_KEY');
	return {
		...readOperatorSettings(env),
		userFolder,
		encryptionKey:
			vaultKey ??
			nonEmpty(unquoted(readVariable(env, 'N8N_ENCRYPTION_KEY'))) ??
			keyInSettingsFile(userFolder),
		hasOwnVaultKey: vaultKey !== undefined,
		...(previousEncryptionKey === undefined ? {} : { previousEncryptionKey }),
		awsSystemCredentialsAllowed: isTrue(env, 'N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED'),
		severalProcesses:
			QUEUE_COMMANDS.includes(command) ||
			readVariable(env, 'EXECUTIONS_MODE')?.toLowerCase() === 'queue' ||
			isTrue(env, 'N8N_MULTI_MAIN_SETUP_ENABLED'),
		endsAfterRun: !LASTING_COMMANDS.includes(command),
		lease: readChoice(env, 'VAULTED_OAUTH2_LEASE', LEASE_SETTINGS),
		shutdownMs: readShutdownSeconds(env, command) * 1000,
		egressPolicy: isEgressProtected(env) ? readEgressPolicy(env) : undefined,
	};
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

/** n8n's next name for `N8N_SSRF_*` is `N8N_EGRESS_*`, and for its switch a mode, of which only one blocks. Either is enough. */
function isEgressProtected(env: Environment): boolean {
	const mode = readVariable(env, 'N8N_EGRESS_PROTECTION_MODE')?.trim().toLowerCase();
	return mode === 'enforce' || isTrue(env, 'N8N_SSRF_PROTECTION_ENABLED');
}

function readEgressPolicy(env: Environment): EgressPolicy {
	return {
		blockedIpRanges: readBlockedIpRanges(env),
		allowedIpRanges: readEgressList(env, 'ALLOWED_IP_RANGES'),
		blockedHostnames: readEgressList(env, 'BLOCKED_HOSTNAMES'),
		allowedHostnames: readEgressList(env, 'ALLOWED_HOSTNAMES'),
	};
}

function readEgressList(env: Environment, name: string): string[] {
	return listed(readVariable(env, `N8N_EGRESS_${name}`) ?? readVariable(env, `N8N_SSRF_${name}`));
}

/** Under the next name the default ranges cannot be left out. */
function readBlockedIpRanges(env: Environment): string[] {
	const added = readVariable(env, 'N8N_EGRESS_BLOCKED_IP_RANGES');
	const text =
		added === undefined
			? (readVariable(env, 'N8N_SSRF_BLOCKED_IP_RANGES') ?? 'default')
			: `default,${unquoted(added) ?? ''}`;
	return listed(unquoted(text)).flatMap((range) =>
		range.toLowerCase() === 'default'
			? [...DEFAULT_BLOCKED_IP_RANGES, ...FURTHER_BLOCKED_IP_RANGES]
			: range,
	);
}

function isTrue(env: Environment, name: string): boolean {
	return ['true', '1'].includes(readVariable(env, name)?.toLowerCase() ?? '');
}
