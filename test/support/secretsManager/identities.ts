import { createHash, createHmac, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { AwsError } from './awsError.ts';

/** An access key the server knows. */
export interface AwsIdentity {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
	/** Who it is, as error messages name it. */
	readonly arn: string;
	/** Milliseconds since the epoch; only temporary keys have it. */
	readonly expiresAt?: number;
	/** Names of denied actions, such as `GetSecretValue` or `AssumeRole`. */
	readonly deniedActions?: readonly string[];
}

/** A role that every known identity may assume, where the external id matches. */
export interface AwsRole {
	readonly arn: string;
	readonly externalId?: string;
	readonly deniedActions?: readonly string[];
}

/** Why a request was not authenticated; each protocol has its own name for it. */
export type Unauthenticated = 'missing' | 'unknown' | 'signature' | 'region' | 'expired';

/** Who may call: access keys, roles, and the temporary keys given for roles. */
export class Identities {
	readonly #identities = new Map<string, AwsIdentity>();
	readonly #denied = new Map<string, Set<string>>();
	readonly #roles: readonly AwsRole[];
	readonly #region: string;
	readonly #now: () => number;
	#issued = 0;

	constructor(options: {
		identities: readonly AwsIdentity[];
		roles: readonly AwsRole[];
		region: string;
		now: () => number;
	}) {
		for (const identity of options.identities) this.add(identity);
		this.#roles = options.roles;
		this.#region = options.region;
		this.#now = options.now;
	}

	add(identity: AwsIdentity): void {
		this.#identities.set(identity.accessKeyId, identity);
		this.#denied.set(identity.accessKeyId, new Set(identity.deniedActions));
	}

	deny(accessKeyId: string, actions: readonly string[]): void {
		for (const action of actions) this.#denied.get(accessKeyId)?.add(action);
	}

	allow(accessKeyId: string, actions: readonly string[]): void {
		for (const action of actions) this.#denied.get(accessKeyId)?.delete(action);
	}

	/** Signature Version 4 of the request: a known key, its secret, this region. */
	authenticate(request: IncomingMessage, body: string): AwsIdentity | Unauthenticated {
		const authorization = parseAuthorization(request.headers.authorization);
		if (!authorization) return 'missing';
		const identity = this.#identities.get(authorization.accessKeyId);
		if (!identity || request.headers['x-amz-security-token'] !== identity.sessionToken) {
			return 'unknown';
		}
		if (identity.expiresAt !== undefined && identity.expiresAt <= this.#now()) return 'expired';
		if (authorization.region !== this.#region) return 'region';
		const expected = signature(request, body, { ...authorization, key: identity.secretAccessKey });
		return expected === authorization.signature ? identity : 'signature';
	}

	/** Throws AccessDeniedException with AWS's text where the action is denied. */
	authorize(identity: AwsIdentity, action: string, resource: string): void {
		if (!this.#denied.get(identity.accessKeyId)?.has(action)) return;
		throw new AwsError(
			'AccessDeniedException',
			`User: ${identity.arn} is not authorized to perform: secretsmanager:${action} on resource: ${resource} because no identity-based policy allows the secretsmanager:${action} action`,
		);
	}

	/** STS AssumeRole: temporary keys of the role, known from now on. */
	assumeRole(caller: AwsIdentity, form: URLSearchParams): AwsIdentity {
		const roleArn = form.get('RoleArn') ?? '';
		const role = this.#roles.find(({ arn }) => arn === roleArn);
		const denied = this.#denied.get(caller.accessKeyId)?.has('AssumeRole') ?? false;
		if (!role || denied || (role.externalId ?? null) !== form.get('ExternalId')) {
			throw new AwsError(
				'AccessDenied',
				`User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
				403,
			);
		}
		const [account, name] = [role.arn.split(':')[4], role.arn.split('/').pop()];
		this.#issued += 1;
		const temporary: AwsIdentity = {
			accessKeyId: `temporary-key-${this.#issued}`,
			secretAccessKey: randomUUID(),
			sessionToken: randomUUID(),
			arn: `arn:aws:sts::${account}:assumed-role/${name}/${form.get('RoleSessionName')}`,
			expiresAt: this.#now() + Number(form.get('DurationSeconds') ?? 3600) * 1000,
			...(role.deniedActions && { deniedActions: role.deniedActions }),
		};
		this.add(temporary);
		return temporary;
	}
}

interface Authorization {
	readonly accessKeyId: string;
	readonly date: string;
	readonly region: string;
	readonly service: string;
	readonly signedHeaders: string;
	readonly signature: string;
}

function parseAuthorization(header: string | undefined): Authorization | undefined {
	const match =
		/^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
			header ?? '',
		);
	if (!match) return undefined;
	const [, accessKeyId = '', date = '', region = '', service = '', signedHeaders = '', sign = ''] =
		match;
	return { accessKeyId, date, region, service, signedHeaders, signature: sign };
}

/** Signature Version 4 for requests to `/` without a query, the only ones these protocols send. */
function signature(
	request: IncomingMessage,
	body: string,
	scope: Omit<Authorization, 'signature' | 'accessKeyId'> & { key: string },
): string {
	const headers = scope.signedHeaders
		.split(';')
		.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`)
		.join('');
	const canonical = [request.method, '/', '', headers, scope.signedHeaders, sha256(body)].join(
		'\n',
	);
	const credentialScope = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
	const toSign = [
		'AWS4-HMAC-SHA256',
		String(request.headers['x-amz-date']),
		credentialScope,
		sha256(canonical),
	].join('\n');
	const key = [scope.date, scope.region, scope.service, 'aws4_request'].reduce<string | Buffer>(
		(previous, part) => createHmac('sha256', previous).update(part).digest(),
		`AWS4${scope.key}`,
	);
	return createHmac('sha256', key).update(toSign).digest('hex');
}

function sha256(text: string): string {
	return createHash('sha256').update(text).digest('hex');
}
