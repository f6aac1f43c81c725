import {
	ConfigurationError,
	SecretStoreError,
	VaultedOAuth2Error,
	type ConfigurationCode,
	type SecretStoreCode,
} from '../../errors';
import { EgressError } from '../../http/egress';

/** What was asked of AWS when it failed. */
export interface AwsCall {
	/** Name of the action, such as `GetSecretValue` or `AssumeRole`. */
	readonly action: string;
	/** Name or ARN of the secret; the role's ARN for `AssumeRole`. */
	readonly secretId: string;
	readonly region: string;
	readonly endpoint: string | undefined;
}

/** What an error of the SDK or of Node tells. Read by shape: the SDK passes on errors of many classes. */
interface Symptoms {
	readonly name: string;
	readonly code: string;
	readonly message: string;
	readonly status: number | undefined;
}

const REFUSED = 'AWS_CREDENTIALS_REFUSED' satisfies ConfigurationCode;

/** Names of errors, code and text of what they become. */
const CREDENTIAL_FAILURES: ReadonlyArray<readonly [RegExp, ConfigurationCode, string]> = [
	[
		/^(UnrecognizedClientException|InvalidClientTokenId|InvalidAccessKeyId|MissingAuthenticationToken(Exception)?)$/,
		REFUSED,
		'AWS does not accept the access key. Check the access key id, and the session token where the key is a temporary one.',
	],
	[
		/^(InvalidSignatureException|SignatureDoesNotMatch|IncompleteSignature(Exception)?|RequestExpired|RequestTimeTooSkewed)$/,
		REFUSED,
		"AWS does not accept the signature. Check the secret access key, that AWS Region is the endpoint's region, and the clock of this host.",
	],
	[
		/^(ExpiredToken(Exception)?|TokenRefreshRequired)$/,
		REFUSED,
		'The session token has expired. Enter a new access key with its session token, or one that does not expire.',
	],
	[
		// Also for as long as the host's metadata service does not answer: nothing was refused, and it may pass.
		/^(CredentialsProviderError|TokenProviderError)$/,
		'AWS_HOST_IDENTITY_UNAVAILABLE',
		'The host has no AWS identity that could be used. Give it one, or use an access key.',
	],
];

const NETWORK_CODES =
	/^(E(CONN(REFUSED|RESET|ABORTED)|TIMEDOUT|NOTFOUND|HOSTUNREACH|NETUNREACH|PIPE|PROTO|AI_AGAIN)|ERR_(SSL|TLS|SOCKET)_\w+|CERT_\w+|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|UNABLE_TO_\w+)$/;

/**
 * Says in this package's words why a call failed: as SecretStoreError, or as ConfigurationError where a field has to be corrected.
 *
 * Nothing of the SDK's error is passed on but names, codes and ARNs: its `$response` holds content, and AWS may repeat values in
 * its messages. An error of this package comes back as it is.
 */
export function awsFailure(error: unknown, call: AwsCall): VaultedOAuth2Error {
	if (error instanceof VaultedOAuth2Error) return error;
	if (error instanceof EgressError) return egressFailure(error, call);
	const symptoms = symptomsOf(error);
	return (
		credentialFailure(symptoms) ??
		fieldFailure(symptoms, call) ??
		accessFailure(symptoms, call) ??
		requestFailure(symptoms, call) ??
		temporaryFailure(symptoms, call) ??
		unknownFailure(symptoms, call)
	);
}

/** The instance's policy refused, or a proxy did. */
function egressFailure({ code, detail, host }: EgressError, call: AwsCall): VaultedOAuth2Error {
	if (code !== 'BLOCKED') return unreachable(call, detail);
	return new ConfigurationError(
		call.endpoint === undefined ? 'AWS Region' : 'AWS Endpoint',
		`This n8n instance does not allow requests to ${host} (${detail}). Use another one, or let the administrator of the instance allow it in N8N_SSRF_ALLOWED_HOSTNAMES.`,
		{ code: 'EGRESS_BLOCKED' },
	);
}

function symptomsOf(error: unknown): Symptoms {
	const { name, code, message, $metadata } = (error ?? {}) as Record<string, unknown>;
	const status = ($metadata as { httpStatusCode?: unknown } | undefined)?.httpStatusCode;
	return {
		name: typeof name === 'string' ? name : '',
		code: typeof code === 'string' ? code : '',
		message: typeof message === 'string' ? message : '',
		status: typeof status === 'number' ? status : undefined,
	};
}

function credentialFailure({ name }: Symptoms): ConfigurationError | undefined {
	const [, code, text] = CREDENTIAL_FAILURES.find(([names]) => names.test(name)) ?? [];
	return code === undefined || text === undefined
		? undefined
		: new ConfigurationError('AWS Credentials', text, { code });
}

/** What the SDK refuses before it sends anything. */
function fieldFailure({ code, message }: Symptoms, call: AwsCall): ConfigurationError | undefined {
	if (/^Region (not accepted|is missing)/.test(message)) {
		return new ConfigurationError(
			'AWS Region',
			`"${call.region}" is not the name of a region. Enter one such as eu-central-1.`,
			{ code: 'AWS_REGION_INVALID' },
		);
	}
	if (code === 'ERR_INVALID_URL') {
		return new ConfigurationError(
			'AWS Endpoint',
			'This is not an address. Enter one that begins with https://, or leave it empty.',
			{ code: 'AWS_ENDPOINT_INVALID' },
		);
	}
	return undefined;
}

function accessFailure(symptoms: Symptoms, call: AwsCall): SecretStoreError | undefined {
	const { action, secretId } = call;
	if (symptoms.name === 'DecryptionFailure' || symptoms.name === 'EncryptionFailure') {
		return failure(
			call,
			'DECRYPTION_FAILED',
			`AWS KMS could not use the key of ${secretId} for ${action}. Check that the secret's KMS key exists and is enabled.`,
		);
	}
	if (!/^(AccessDenied(Exception)?|NotAuthorized|UnauthorizedOperation)$/.test(symptoms.name)) {
		return undefined;
	}
	if (/KMS/i.test(symptoms.message)) {
		return failure(
			call,
			'ACCESS_DENIED',
			`AWS KMS denied the key of ${secretId} for ${action}. Allow kms:Decrypt and kms:GenerateDataKey on the secret's KMS key, and check that the key is enabled.`,
		);
	}
	const who = /^User: (arn:[\w:/+=,.@-]+) is not authorized/.exec(symptoms.message)?.[1];
	const caller = who === undefined ? '' : ` to ${who}`;
	if (action === 'AssumeRole') {
		return failure(
			call,
			'ACCESS_DENIED',
			`AWS denied AssumeRole on ${secretId}${caller}. Allow sts:AssumeRole on this role, name the caller in the role's trust policy, and check the external id.`,
		);
	}
	// One call can need several permissions: CreateSecret with tags also needs TagResource.
	const denied = /perform: secretsmanager:(\w+)/.exec(symptoms.message)?.[1] ?? action;
	return failure(
		{ ...call, action: denied },
		'ACCESS_DENIED',
		`AWS denied ${denied} on ${secretId}${caller}. Allow secretsmanager:${denied} on this secret in its IAM policy.`,
	);
}

function requestFailure({ name, message }: Symptoms, call: AwsCall): SecretStoreError | undefined {
	const { action, secretId, region } = call;
	switch (name) {
		case 'ResourceNotFoundException':
			return failure(
				call,
				'NOT_FOUND',
				message.includes('secret value')
					? `${action}: ${secretId} has no such version. Save the credential again with its secrets typed.`
					: `${action}: ${secretId} does not exist in ${region}. Check AWS Region and Secret Name, or save the credential again with its secrets typed.`,
			);
		case 'InvalidRequestException':
			if (!/(marked|scheduled) for deletion/.test(message)) return undefined;
			return failure(
				call,
				'DELETED',
				`${action}: ${secretId} is marked for deletion. Restore it in AWS Secrets Manager, or save the credential again with its secrets typed.`,
			);
		case 'ResourceExistsException':
			return failure(
				call,
				'ALREADY_EXISTS',
				`${action}: ${secretId} exists already and was not changed. Choose another Secret Name.`,
			);
		case 'LimitExceededException':
			return failure(
				call,
				'LIMIT_EXCEEDED',
				action === 'CreateSecret'
					? `CreateSecret: ${region} has as many secrets as AWS allows. Delete those that are not used, or ask AWS for more.`
					: `${action}: ${secretId} has as many versions as AWS allows, about 100, and none younger than 24 hours is removed. Wait, or let tokens live longer.`,
			);
		default:
			return undefined;
	}
}

function temporaryFailure(symptoms: Symptoms, call: AwsCall): SecretStoreError | undefined {
	const { name, code, status } = symptoms;
	const { action, secretId } = call;
	if (
		/Throttl|^(TooManyRequestsException|RequestLimitExceeded|SlowDown)$/.test(name) ||
		status === 429
	) {
		return failure(
			call,
			'THROTTLED',
			`AWS throttles ${action} on ${secretId}. Nothing is lost; try again in a moment.`,
		);
	}
	if (NETWORK_CODES.test(code) || /^(TimeoutError|AbortError)$/.test(name)) {
		return unreachable(call, NETWORK_CODES.test(code) ? code : 'no answer in time');
	}
	if (status !== undefined && status >= 500) {
		return failure(
			call,
			'UNAVAILABLE',
			`AWS failed in ${action} on ${secretId} (HTTP ${status}). Nothing is lost; try again in a moment.`,
		);
	}
	return undefined;
}

function unreachable(call: AwsCall, why: string): SecretStoreError {
	const { action, secretId, region, endpoint } = call;
	const where = endpoint === undefined ? `in ${region}` : `at ${hostOf(endpoint)}`;
	return failure(
		call,
		'UNREACHABLE',
		`${action} on ${secretId}: AWS could not be reached ${where} (${why}). Check AWS Region and AWS Endpoint, and the way to the network.`,
	);
}

/** Fields besides those of the address that AWS may find wrong, by the action. */
const FIELDS_TO_CHECK: ReadonlyMap<string, string> = new Map([
	['AssumeRole', 'AWS Role ARN, AWS Session Name, AWS Source Identity'],
	['CreateSecret', 'Secret Name, AWS KMS Key, AWS Tags'],
]);

function unknownFailure({ name, status }: Symptoms, call: AwsCall): SecretStoreError {
	const { action, secretId, endpoint } = call;
	if (name === 'SyntaxError') {
		return failure(
			call,
			'INVALID_REQUEST',
			`${action} on ${secretId}: what answered ${
				endpoint === undefined ? '' : `at ${hostOf(endpoint)} `
			}is not AWS Secrets Manager. Check AWS Endpoint and proxies.`,
		);
	}
	// The name comes from whoever answered; only what looks like one is repeated.
	const known = /^[A-Za-z]{1,60}$/.test(name) ? name : 'an unknown error';
	const http = status === undefined ? '' : ` (HTTP ${status})`;
	const what = FIELDS_TO_CHECK.get(action) ?? 'Secret Name';
	return failure(
		call,
		'INVALID_REQUEST',
		`AWS refused ${action} on ${secretId}: ${known}${http}. Check ${what}, AWS Region and AWS Endpoint.`,
	);
}

function failure(call: AwsCall, code: SecretStoreCode, text: string): SecretStoreError {
	return new SecretStoreError(text, { code, action: call.action, secretId: call.secretId });
}

function hostOf(endpoint: string): string {
	return URL.canParse(endpoint) ? new URL(endpoint).host : 'the endpoint';
}
