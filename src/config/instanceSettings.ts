import { readFileSync } from 'node:fs';
import { join } from 'node:path';

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
	/** `undefined` where the instance lets requests go anywhere. */
	readonly egressPolicy: EgressPolicy | undefined;
}

type Environment = NodeJS.ProcessEnv;

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

/** Reads n8n's settings the way n8n does, from the environment and from n8n's settings file. Never throws. */
export function readInstanceSettings(env: Environment): InstanceSettings {
	const userFolder = findUserFolder(env);
	return {
		userFolder,
		encryptionKey:
			nonEmpty(unquoted(readVariable(env, 'N8N_ENCRYPTION_KEY'))) ?? keyInSettingsFile(userFolder),
		awsSystemCredentialsAllowed: isTrue(env, 'N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED'),
		severalProcesses:
			readVariable(env, 'EXECUTIONS_MODE')?.toLowerCase() === 'queue' ||
			isTrue(env, 'N8N_MULTI_MAIN_SETUP_ENABLED'),
		egressPolicy: isTrue(env, 'N8N_SSRF_PROTECTION_ENABLED') ? readEgressPolicy(env) : undefined,
	};
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
			range.toLowerCase() === 'default' ? DEFAULT_BLOCKED_IP_RANGES : range,
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
