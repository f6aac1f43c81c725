import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import { AwsError } from './awsError.ts';
import type { AwsIdentity, Unauthenticated } from './identities.ts';

export function asAwsError(error: unknown): AwsError {
	if (error instanceof AwsError) return error;
	if (error instanceof SyntaxError) return new AwsError('SerializationException', '');
	return new AwsError('InternalServiceError', 'An error occurred on the server side.', 500);
}

const INVALID_TOKEN = 'The security token included in the request is invalid.';
const EXPIRED_TOKEN = 'The security token included in the request is expired';
const BAD_SIGNATURE =
	'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const BAD_SCOPE = 'Credential should be scoped to a valid region. ';

export function jsonAuthenticationError(reason: Unauthenticated): AwsError {
	switch (reason) {
		case 'missing':
			return new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
		case 'unknown':
			return new AwsError('UnrecognizedClientException', INVALID_TOKEN);
		case 'expired':
			return new AwsError('ExpiredTokenException', EXPIRED_TOKEN);
		case 'signature':
			return new AwsError('InvalidSignatureException', BAD_SIGNATURE);
		case 'region':
			return new AwsError('InvalidSignatureException', BAD_SCOPE);
	}
}

export function stsAuthenticationError(reason: Unauthenticated): AwsError {
	switch (reason) {
		case 'missing':
			return new AwsError(
				'MissingAuthenticationToken',
				'Request is missing Authentication Token',
				403,
			);
		case 'unknown':
			return new AwsError('InvalidClientTokenId', INVALID_TOKEN, 403);
		case 'expired':
			return new AwsError('ExpiredToken', EXPIRED_TOKEN, 403);
		case 'signature':
			return new AwsError('SignatureDoesNotMatch', BAD_SIGNATURE, 403);
		case 'region':
			return new AwsError('SignatureDoesNotMatch', BAD_SCOPE, 403);
	}
}

export function assumedRoleXml(identity: AwsIdentity): string {
	return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROATEST:session</AssumedRoleId><Arn>${identity.arn}</Arn></AssumedRoleUser><Credentials><AccessKeyId>${identity.accessKeyId}</AccessKeyId><SecretAccessKey>${identity.secretAccessKey}</SecretAccessKey><SessionToken>${identity.sessionToken}</SessionToken><Expiration>${new Date(identity.expiresAt ?? 0).toISOString()}</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></AssumeRoleResponse>`;
}

export function errorXml({ type, message, status }: AwsError): { status: number; body: string } {
	return {
		status,
		body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${type}</Code><Message>${message}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
	};
}

export function send(
	response: ServerResponse,
	answer: { status: number; body: string; errorType?: string; xml?: boolean },
): void {
	response.writeHead(answer.status, {
		'content-type': answer.xml ? 'text/xml' : 'application/x-amz-json-1.1',
		'x-amzn-requestid': randomUUID(),
		...(answer.errorType !== undefined && { 'x-amzn-errortype': answer.errorType }),
	});
	response.end(answer.body);
}
