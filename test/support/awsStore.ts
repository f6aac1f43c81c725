import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { inspect } from 'node:util';

import {
	awsSecretsManager,
	type AwsCredentials,
	type AwsSecretsManagerOptions,
} from '../../src/secrets/awsSecretsManager';
import type { SecretStore } from '../../src/secrets/store';
import './nodeErrors';
import {
	startSecretsManagerServer,
	TEST_IDENTITY,
	type AwsIdentity,
	type SecretsManagerServer,
	type SecretsManagerServerOptions,
} from './secretsManagerServer';

/** Stands for content; no error may carry it. */
export const MARKER = 'content-of-a-secret';

/** A Secrets Manager of this test's own, and stores that use it. */
export interface AwsTestBed {
	readonly server: SecretsManagerServer;
	readonly agents: { httpAgent: HttpAgent; httpsAgent: HttpsAgent };
	open(overrides?: Partial<AwsSecretsManagerOptions>): SecretStore;
	/** Sets the server's clock on; it also moves by 1 ms with every look at it, so that no two versions are of one moment. */
	advance(milliseconds: number): void;
	close(): Promise<void>;
}

export async function startAwsTestBed(
	options: SecretsManagerServerOptions = {},
): Promise<AwsTestBed> {
	let clock = Date.now();
	const server = await startSecretsManagerServer({ now: () => (clock += 1), ...options });
	const agents = {
		httpAgent: new HttpAgent({ keepAlive: true }),
		httpsAgent: new HttpsAgent({ keepAlive: true }),
	};

	return {
		server,
		agents,
		open: (overrides) =>
			awsSecretsManager({
				region: server.region,
				endpoint: server.url,
				credentials: accessKey(TEST_IDENTITY),
				systemCredentialsAllowed: false,
				agents,
				...overrides,
			}),
		advance: (milliseconds) => {
			clock += milliseconds;
		},
		close: async () => {
			agents.httpAgent.destroy();
			agents.httpsAgent.destroy();
			await server.close();
		},
	};
}

export function accessKey(identity: AwsIdentity): AwsCredentials {
	const { accessKeyId, secretAccessKey, sessionToken } = identity;
	return {
		kind: 'accessKey',
		accessKeyId,
		secretAccessKey,
		...(sessionToken !== undefined && { sessionToken }),
	};
}

/** For an agent: finds no host, and notes which it was asked for. */
export function failingLookup(hosts: string[] = []): LookupFunction {
	return (hostname, _, callback) => {
		hosts.push(hostname);
		const error = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
		callback(Object.assign(error, { code: 'ENOTFOUND' }), []);
	};
}

/** What the promise is rejected with: an error of this class, which carries neither content nor an error of the SDK. */
export async function rejectionOf<T extends Error>(
	promise: Promise<unknown>,
	expected: abstract new (...parameters: never[]) => T,
): Promise<T> {
	const [outcome] = await Promise.allSettled([promise]);
	if (outcome.status !== 'rejected') throw new Error('Expected a rejection');
	const reason: unknown = outcome.reason;
	const seen = inspect(reason, { depth: 10, showHidden: true });
	if (!(reason instanceof expected) || reason.cause !== undefined || seen.includes(MARKER)) {
		throw new Error(`Expected only a ${expected.name}, got ${seen}`);
	}
	return reason;
}
