import dns from 'node:dns';
import { inspect } from 'node:util';

import { createEgress } from '../../src/http/createEgress';
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
	const egress = createEgress(undefined, {});

	return {
		server,
		open: (overrides) =>
			awsSecretsManager({
				region: server.region,
				endpoint: server.url,
				credentials: accessKey(TEST_IDENTITY),
				systemCredentialsAllowed: false,
				egress,
				...overrides,
			}),
		advance: (milliseconds) => {
			clock += milliseconds;
		},
		close: () => server.close(),
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

/** Has the DNS find no host, and notes which it was asked for. `jest.restoreAllMocks()` ends it. */
export function failLookups(hosts: string[] = []): void {
	const lookup = (name: string, _: unknown, answer: (error: Error) => void): void => {
		hosts.push(name);
		const error = new Error(`getaddrinfo ENOTFOUND ${name}`);
		answer(Object.assign(error, { code: 'ENOTFOUND' }));
	};
	jest.spyOn(dns, 'lookup').mockImplementation(lookup as typeof dns.lookup);
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
