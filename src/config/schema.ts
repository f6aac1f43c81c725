import type { SchemaObject } from 'ajv';

import { SIGNING_ALGORITHMS } from './clientKey';
import type { FieldKey } from './fields';

/** Name of the string format for addresses that confidential data is sent to. */
export const SECURE_URL = 'secure-url';

const text: SchemaObject = { type: 'string', minLength: 1 };
const url: SchemaObject = { type: 'string', format: SECURE_URL };

/** Fields of every connection. Unknown keys are n8n's own (`allowedDomains`, …) and pass. */
const common: Partial<Record<FieldKey, SchemaObject>> = {
	label: { type: 'string', minLength: 1, maxLength: 128 },
	grantType: { enum: ['clientCredentials', 'authorizationCode', 'refreshToken'] },
	issuerUrl: url,
	tokenUrl: url,
	revocationUrl: url,
	resource: text,
	clientId: text,
	clientAuthentication: {
		enum: [
			'automatic',
			'basic',
			'basicUnencoded',
			'post',
			'privateKeyJwt',
			'tlsClientCertificate',
			'none',
		],
	},
	clientSecretSource: { enum: ['enter', 'reference'] },
	clientSecret: { type: 'string' },
	privateKey: { type: 'string', maxLength: 32_768 },
	keyId: text,
	signingAlgorithm: { enum: ['automatic', ...SIGNING_ALGORITHMS] },
	refreshToken: { type: 'string' },
	scope: {
		type: 'string',
		pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+( [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*$',
	},
	apiBaseUrl: url,
	tenantId: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' },
	accountChangesByWorkflows: { type: 'boolean' },
	refreshBufferSeconds: { type: 'integer', minimum: 0, maximum: 86400 },
	defaultLifetimeSeconds: { type: 'integer', minimum: 0, maximum: 31536000 },
	dpop: { enum: ['never', 'ifOffered', 'always'] },
	tokenExpiredRule: { enum: ['none', 'challenge', 'body'] },
	tokenExpiredComparison: { enum: ['equals', 'contains'] },
	sendApiHeaders: { type: 'boolean' },
	tokenPlacement: { enum: ['header', 'query', 'cookie'] },
	secretStore: { enum: ['awsSecretsManager', 'localVault'] },
};

const always: FieldKey[] = ['label', 'grantType', 'clientId', 'apiBaseUrl', 'secretStore'];

/** Filled in, or found by discovery. */
function orDiscovered(key: FieldKey): SchemaObject {
	return { anyOf: [{ required: [key] }, { required: ['issuerUrl'] }] };
}

/** RFC 6749 §4.1. */
const authorizationCode: SchemaObject = {
	properties: {
		authorizationUrl: url,
		redirectUri: url,
		authorizationResponse: { type: 'string', maxLength: 16_384 },
		responseMode: { enum: ['default', 'formPost'] },
		pkce: { type: 'boolean' },
		pushedAuthorizationRequest: { enum: ['ifRequired', 'ifOffered', 'always', 'never'] },
		acceptFewerScopes: { type: 'boolean' },
	},
	required: ['redirectUri', 'scope'],
	...orDiscovered('authorizationUrl'),
};

const aws: SchemaObject = {
	properties: {
		awsRegion: { type: 'string', pattern: '^[a-z]{2,}(-[a-z]+)+-\\d+$' },
		awsCredentials: { enum: ['default', 'accessKey', 'assumeRole'] },
		awsAccessKeyId: text,
		awsSecretAccessKey: text,
		awsSessionToken: text,
		awsRoleArn: { type: 'string', pattern: '^arn:aws[a-z-]*:iam::\\d{12}:role/.+$' },
		awsExternalId: text,
		awsSessionName: { type: 'string', pattern: '^[A-Za-z0-9_=,.@-]{2,64}$' },
		awsSourceIdentity: { type: 'string', pattern: '^[A-Za-z0-9_=,.@-]{2,64}$' },
		awsEndpoint: url,
		secretName: { type: 'string', pattern: '^[A-Za-z0-9/_+=.@-]{1,512}$' },
		awsKmsKeyId: { type: 'string', pattern: '^[A-Za-z0-9:/_-]{1,2048}$' },
		awsTags: text,
		clientSecretReference: text,
		clientSecretJsonKey: text,
	},
	required: ['awsRegion', 'awsCredentials'],
	allOf: [
		{
			if: { properties: { awsCredentials: { const: 'accessKey' } } },
			then: { required: ['awsAccessKeyId', 'awsSecretAccessKey'] },
		},
		{
			if: { properties: { awsCredentials: { const: 'assumeRole' } } },
			then: { required: ['awsRoleArn'] },
		},
		{
			if: {
				required: ['clientSecretSource'],
				properties: { clientSecretSource: { const: 'reference' } },
			},
			then: { required: ['clientSecretReference'] },
		},
	],
};

const localVault: SchemaObject = {
	properties: { clientSecretSource: { const: 'enter' } },
};

/** Blank fields are removed before validation, so `required` means "filled in". Which fields a grant and a store need is said here alone. */
export function connectionSchema({
	secretStore,
	grantType,
}: {
	secretStore: unknown;
	grantType: unknown;
}): SchemaObject {
	return {
		type: 'object',
		properties: common,
		required: always,
		allOf: [
			orDiscovered('tokenUrl'),
			...(grantType === 'authorizationCode' ? [authorizationCode] : []),
			secretStore === 'awsSecretsManager' ? aws : localVault,
		],
	};
}

/** A JSON object of further request parameters (RFC 6749 §8.2) without those named. */
export function parametersSchema(without: readonly string[]): SchemaObject {
	return {
		type: 'object',
		propertyNames: { not: { enum: without } },
		additionalProperties: { type: 'string' },
	};
}
