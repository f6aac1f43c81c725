import type { IncomingMessage, ServerResponse } from 'node:http';

import { listenOnLoopback } from './loopback.ts';
import { ACTIONS, type Output } from './secretsManager/actions.ts';
import { AwsError } from './secretsManager/awsError.ts';
import { Faults, throwFault, type Fault } from './secretsManager/faults.ts';
import { Identities, type AwsIdentity, type AwsRole } from './secretsManager/identities.ts';
import type { Input } from './secretsManager/input.ts';
import type { Secret } from './secretsManager/secret.ts';
import { Secrets } from './secretsManager/secrets.ts';
import {
	asAwsError,
	assumedRoleXml,
	errorXml,
	jsonAuthenticationError,
	send,
	stsAuthenticationError,
} from './secretsManager/wire.ts';

export type { AwsIdentity, AwsRole, Fault };

export interface SecretsManagerServerOptions {
	/** Default `eu-central-1`. */
	readonly region?: string;
	/** Default `123456789012`. */
	readonly accountId?: string;
	/** Default 0: any free port. */
	readonly port?: number;
	/** Default: {@link TEST_IDENTITY}. */
	readonly identities?: readonly AwsIdentity[];
	/** Roles that can be assumed. Default: none. */
	readonly roles?: readonly AwsRole[];
	/** Versions of one secret at most. Default 100. */
	readonly versionQuota?: number;
	/** Milliseconds since the epoch. Default `Date.now`. */
	readonly now?: () => number;
}

/** The access key a server knows unless told otherwise. */
export const TEST_IDENTITY: AwsIdentity = {
	accessKeyId: 'test-access-key',
	secretAccessKey: 'not-a-real-secret-access-key',
	arn: 'arn:aws:iam::123456789012:user/tester',
};

/** One call as it arrived; never with content. */
export interface RecordedCall {
	readonly action: string;
	/** SecretId or Name as asked; the role's ARN for AssumeRole. */
	readonly secretId: string | undefined;
	readonly accessKeyId: string | undefined;
	readonly clientRequestToken: string | undefined;
	readonly versionId: string | undefined;
	readonly versionStage: string | undefined;
	/** Of AssumeRole. */
	readonly roleSessionName: string | undefined;
	/** Of AssumeRole. */
	readonly sourceIdentity: string | undefined;
}

/** A secret as it is now, for assertions. */
export interface SecretSnapshot {
	readonly arn: string;
	readonly name: string;
	readonly description: string | undefined;
	readonly kmsKeyId: string | undefined;
	readonly tags: Readonly<Record<string, string>>;
	readonly pendingDeletion: boolean;
	/** Oldest first. */
	readonly versions: ReadonlyArray<{
		readonly id: string;
		readonly labels: readonly string[];
		readonly content: string | undefined;
	}>;
	/** Content of AWSCURRENT. */
	readonly content: string | undefined;
}

export interface SecretsManagerServer {
	readonly url: string;
	readonly region: string;
	/** Every call that came over HTTP, in order. */
	readonly calls: readonly RecordedCall[];
	secret(nameOrArn: string): SecretSnapshot | undefined;
	secrets(): SecretSnapshot[];
	/** Performs an action as an administrator would in the console: no HTTP, no faults, not in `calls`. */
	perform(action: string, input: Input): Output;
	fail(fault: Fault): void;
	clearFaults(): void;
	/** Runs `callback` once, just before the next call of this action is performed, and waits for it. */
	beforeNext(action: string, callback: () => unknown): void;
	addIdentity(identity: AwsIdentity): void;
	deny(accessKeyId: string, ...actions: string[]): void;
	allow(accessKeyId: string, ...actions: string[]): void;
	close(): Promise<void>;
}

type Responder = (
	request: IncomingMessage,
	response: ServerResponse,
	body: string,
) => Promise<void>;

/**
 * Starts an AWS Secrets Manager (AWS JSON 1.1) with STS AssumeRole (query protocol) on a loopback port, with the documented
 * semantics, for the real SDK client.
 */
export async function startSecretsManagerServer(
	options: SecretsManagerServerOptions = {},
): Promise<SecretsManagerServer> {
	const { region = 'eu-central-1', accountId = '123456789012', now = Date.now } = options;
	const secrets = new Secrets({
		region,
		accountId,
		now,
		versionQuota: options.versionQuota ?? 100,
	});
	const identities = new Identities({
		identities: options.identities ?? [TEST_IDENTITY],
		roles: options.roles ?? [],
		region,
		now,
	});
	const faults = new Faults();
	const calls: RecordedCall[] = [];
	const callbacks: Array<{ action: string; callback: () => unknown }> = [];

	const perform = (action: string, input: Input, stale = false): Output => {
		const known = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
		if (!known) throw new AwsError('UnknownOperationException', '');
		return known(secrets, input, stale);
	};

	/** Records the call, lets a fault strike, runs the action. `undefined` means: no answer at all. */
	const run = async <T>(
		call: RecordedCall,
		response: ServerResponse,
		action: (stale: boolean) => T,
	): Promise<T | undefined> => {
		calls.push(call);
		const fault = faults.take(call.action);
		if (fault === 'hang') return undefined;
		if (fault === 'connectionReset') {
			response.socket?.resetAndDestroy();
			return undefined;
		}
		throwFault(fault);
		const due = callbacks.findIndex(({ action: name }) => name === call.action);
		if (due >= 0) await callbacks.splice(due, 1)[0]?.callback();
		const result = action(fault === 'stale');
		if (fault !== 'answerLost') return result;
		response.socket?.resetAndDestroy();
		return undefined;
	};

	const answerJson: Responder = async (request, response, body) => {
		const action = String(request.headers['x-amz-target']).replace(/^secretsmanager\./, '');
		try {
			const input = JSON.parse(body) as Input;
			const identity = identities.authenticate(request, body);
			const call = recorded(action, input, identity);
			const output = await run(call, response, (stale) => {
				if (typeof identity === 'string') throw jsonAuthenticationError(identity);
				const resource = secrets.lookUp(call.secretId ?? '')?.arn ?? call.secretId ?? '*';
				identities.authorize(identity, action, resource);
				if (Array.isArray(input['Tags'])) identities.authorize(identity, 'TagResource', resource);
				return perform(action, input, stale);
			});
			if (output) send(response, { status: 200, body: JSON.stringify(output) });
		} catch (error) {
			const { type, message, status } = asAwsError(error);
			send(response, { status, body: JSON.stringify({ __type: type, message }), errorType: type });
		}
	};

	const answerSts: Responder = async (request, response, body) => {
		const form = new URLSearchParams(body);
		try {
			const caller = identities.authenticate(request, body);
			const action = form.get('Action') ?? '';
			const call = recorded(
				action,
				{ ...Object.fromEntries(form), SecretId: form.get('RoleArn') },
				caller,
			);
			const temporary = await run(call, response, () => {
				if (typeof caller === 'string') throw stsAuthenticationError(caller);
				if (action !== 'AssumeRole') throw new AwsError('InvalidAction', 'Unknown action');
				return identities.assumeRole(caller, form);
			});
			if (temporary) send(response, { status: 200, body: assumedRoleXml(temporary), xml: true });
		} catch (error) {
			send(response, { ...errorXml(asAwsError(error)), xml: true });
		}
	};

	const server = await listenOnLoopback(options.port);
	server.serve((request, response) => {
		const chunks: Buffer[] = [];
		request.on('data', (chunk: Buffer) => chunks.push(chunk));
		request.on('end', () => {
			const body = Buffer.concat(chunks).toString('utf8');
			const answer = request.headers['x-amz-target'] ? answerJson : answerSts;
			void answer(request, response, body);
		});
	});

	return {
		url: server.origin,
		region,
		calls,
		secret(nameOrArn) {
			const secret = secrets.lookUp(nameOrArn);
			return secret && snapshot(secret);
		},
		secrets: () => secrets.all().map(snapshot),
		perform: (action, input) => perform(action, input),
		fail: (fault) => faults.add(fault),
		clearFaults: () => faults.clear(),
		beforeNext: (action, callback) => callbacks.push({ action, callback }),
		addIdentity: (identity) => identities.add(identity),
		deny: (accessKeyId, ...actions) => identities.deny(accessKeyId, actions),
		allow: (accessKeyId, ...actions) => identities.allow(accessKeyId, actions),
		close: () => server.close(),
	};
}

function recorded(action: string, input: Input, identity: AwsIdentity | string): RecordedCall {
	const text = (key: string): string | undefined => {
		const value = input[key];
		return typeof value === 'string' ? value : undefined;
	};
	return {
		action,
		secretId: text('SecretId') ?? text('Name'),
		accessKeyId: typeof identity === 'string' ? undefined : identity.accessKeyId,
		clientRequestToken: text('ClientRequestToken'),
		versionId: text('VersionId'),
		versionStage: text('VersionStage'),
		roleSessionName: text('RoleSessionName'),
		sourceIdentity: text('SourceIdentity'),
	};
}

function snapshot(secret: Secret): SecretSnapshot {
	const versions = secret.versions.map(({ id, value }) => ({
		id,
		labels: secret.labelsOf(id),
		content: value.text,
	}));
	return {
		arn: secret.arn,
		name: secret.name,
		description: secret.description,
		kmsKeyId: secret.kmsKeyId,
		tags: Object.fromEntries(secret.tags),
		pendingDeletion: secret.deletion !== undefined,
		versions,
		content: versions.find(({ labels }) => labels.includes('AWSCURRENT'))?.content,
	};
}
