import { awsFailure, type AwsCall } from '../../../src/secrets/aws/failures';

const CALL: AwsCall = {
	action: 'PutSecretValue',
	secretId: 'n8n/crm',
	region: 'eu-central-1',
	endpoint: undefined,
};

interface Seen {
	readonly name?: string;
	readonly code?: string;
	readonly message?: string;
	readonly status?: number;
}

function failureAfter({ status, ...seen }: Seen, call = CALL): unknown {
	return awsFailure({ ...seen, $metadata: { httpStatusCode: status } }, call);
}

describe('an error of the SDK, by its name', () => {
	it.each([
		...['UnrecognizedClientException', 'InvalidClientTokenId', 'InvalidAccessKeyId'].map((name) => [
			name,
			'AWS_CREDENTIALS_REFUSED',
			'does not accept the access key',
		]),
		['MissingAuthenticationToken', 'AWS_CREDENTIALS_REFUSED', 'does not accept the access key'],
		['MissingAuthenticationTokenException', 'AWS_CREDENTIALS_REFUSED', 'the access key'],
		...['InvalidSignatureException', 'SignatureDoesNotMatch', 'RequestTimeTooSkewed'].map(
			(name) => [name, 'AWS_CREDENTIALS_REFUSED', 'does not accept the signature'],
		),
		['IncompleteSignature', 'AWS_CREDENTIALS_REFUSED', 'does not accept the signature'],
		['IncompleteSignatureException', 'AWS_CREDENTIALS_REFUSED', 'the signature'],
		['RequestExpired', 'AWS_CREDENTIALS_REFUSED', 'the signature'],
		['ExpiredToken', 'AWS_CREDENTIALS_REFUSED', 'The session token has expired'],
		['ExpiredTokenException', 'AWS_CREDENTIALS_REFUSED', 'The session token has expired'],
		['TokenRefreshRequired', 'AWS_CREDENTIALS_REFUSED', 'The session token has expired'],
		['CredentialsProviderError', 'AWS_HOST_IDENTITY_UNAVAILABLE', 'has no AWS identity'],
		['TokenProviderError', 'AWS_HOST_IDENTITY_UNAVAILABLE', 'has no AWS identity'],
	])('%s is about AWS Credentials: %s', (name, code, text) => {
		expect(failureAfter({ name, status: 400 })).toMatchObject({
			failureClass: 'configuration',
			field: 'AWS Credentials',
			code,
			message: expect.stringContaining(text) as string,
		});
	});

	it.each([
		['AccessDenied', 'ACCESS_DENIED'],
		['AccessDeniedException', 'ACCESS_DENIED'],
		['NotAuthorized', 'ACCESS_DENIED'],
		['UnauthorizedOperation', 'ACCESS_DENIED'],
		['DecryptionFailure', 'DECRYPTION_FAILED'],
		['EncryptionFailure', 'DECRYPTION_FAILED'],
		['ResourceNotFoundException', 'NOT_FOUND'],
		['ResourceExistsException', 'ALREADY_EXISTS'],
		['LimitExceededException', 'LIMIT_EXCEEDED'],
		['ThrottlingException', 'THROTTLED'],
		['ProvisionedThroughputThrottled', 'THROTTLED'],
		['TooManyRequestsException', 'THROTTLED'],
		['RequestLimitExceeded', 'THROTTLED'],
		['SlowDown', 'THROTTLED'],
		['TimeoutError', 'UNREACHABLE'],
		['AbortError', 'UNREACHABLE'],
		['InvalidRequestException', 'INVALID_REQUEST'],
		['NotUnrecognizedClientException', 'INVALID_REQUEST'],
		['ExpiredTokenOfOthers', 'INVALID_REQUEST'],
		['SyntaxError', 'INVALID_REQUEST'],
	])('%s is a failure of the store: %s', (name, code) => {
		expect(failureAfter({ name, status: 400 })).toMatchObject({
			failureClass: 'secretStore',
			action: 'PutSecretValue',
			secretId: 'n8n/crm',
			code,
		});
	});
});

it.each([
	...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH'],
	...['ENETUNREACH', 'EPIPE', 'EPROTO', 'EAI_AGAIN', 'ERR_SSL_WRONG_VERSION_NUMBER'],
	...['ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SOCKET_CLOSED', 'CERT_HAS_EXPIRED'],
	...['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
	'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])('the code %s means that AWS is not reached', (code) => {
	expect(failureAfter({ name: 'Error', code })).toMatchObject({
		code: 'UNREACHABLE',
		message: expect.stringContaining(`in eu-central-1 (${code})`) as string,
	});
});

it.each([
	[429, 'THROTTLED'],
	[499, 'INVALID_REQUEST'],
	[500, 'UNAVAILABLE'],
	[503, 'UNAVAILABLE'],
])('the status %i with an unknown name means %s', (status, code) => {
	expect(failureAfter({ name: 'Whatever', status })).toMatchObject({ code });
});

it.each([
	['Whatever', 'AWS refused PutSecretValue on n8n/crm: Whatever (HTTP 400). Check Secret Name,'],
	['<b>Whatever</b>', 'on n8n/crm: an unknown error (HTTP 400).'],
	['a'.repeat(61), 'on n8n/crm: an unknown error (HTTP 400).'],
])('an unknown name is repeated only if it looks like one: %s', (name, text) => {
	expect(failureAfter({ name, status: 400 })).toMatchObject({
		message: expect.stringContaining(text) as string,
	});
});

it.each([
	['AssumeRole', 'Check AWS Role ARN, AWS Session Name, AWS Source Identity, AWS Region'],
	['CreateSecret', 'Check Secret Name, AWS KMS Key, AWS Tags, AWS Region'],
])('what %s is given by is named', (action, text) => {
	expect(failureAfter({ name: 'ValidationException' }, { ...CALL, action })).toMatchObject({
		message: expect.stringContaining(text) as string,
	});
});

it('an own endpoint is named by its host alone', () => {
	const call = { ...CALL, endpoint: 'https://secrets.example.com:8443/path' };
	expect(failureAfter({ code: 'ECONNREFUSED' }, call)).toMatchObject({
		message: expect.stringContaining('at secrets.example.com:8443 (ECONNREFUSED)') as string,
	});
});

it('what is no object is an unknown error', () => {
	for (const thrown of [undefined, null, 'text'])
		expect(awsFailure(thrown, CALL)).toMatchObject({ code: 'INVALID_REQUEST' });
});
