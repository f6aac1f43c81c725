/**
 * The credential's fields as n8n hands them over, after expressions were resolved. Nothing is trusted: every value may be missing or of
 * another type than the form promises.
 */
export type CredentialFields = Readonly<Record<string, unknown>>;

/** What the form calls each property; errors name fields like this. */
export const FIELD_NAMES = {
	label: 'Label',
	grantType: 'Grant Type',
	issuerUrl: 'Issuer URL',
	tokenUrl: 'Token URL',
	authorizationUrl: 'Authorization URL',
	responseMode: 'Response Mode',
	revocationUrl: 'Revocation URL',
	redirectUri: 'Redirect URI',
	authorizationParameters: 'Additional Authorization Parameters',
	pkce: 'PKCE',
	pushedAuthorizationRequest: 'Pushed Authorization Request',
	acceptFewerScopes: 'Accept Fewer Scopes',
	accountChangesByWorkflows: 'Account Changes by Workflows',
	authorizationResponse: 'Authorization Response',
	clientId: 'Client ID',
	clientAuthentication: 'Client Authentication',
	clientSecretSource: 'Client Secret Source',
	clientSecret: 'Client Secret',
	privateKey: 'Private Key',
	keyId: 'Key ID',
	signingAlgorithm: 'Signing Algorithm',
	clientSecretReference: 'Client Secret Name or ARN',
	clientSecretJsonKey: 'Client Secret JSON Key',
	refreshToken: 'Refresh Token',
	scope: 'Scope',
	resource: 'Resource',
	tokenParameters: 'Additional Token Parameters',
	apiBaseUrl: 'API Base URL',
	additionalApiOrigins: 'Additional API Origins',
	tenantId: 'Tenant ID',
	validationPath: 'Validation Path',
	refreshBufferSeconds: 'Refresh Buffer (Seconds)',
	defaultLifetimeSeconds: 'Default Token Lifetime (Seconds)',
	dpop: 'DPoP',
	tokenPlacement: 'Send Token In',
	tokenHeader: 'Token Header',
	tokenPrefix: 'Token Prefix',
	tokenQueryParameter: 'Token Query Parameter',
	tokenCookie: 'Token Cookie',
	tokenExpiredStatusCodes: 'Token Expired Status Codes',
	tokenExpiredRule: 'Token Expired Rule',
	tokenExpiredPath: 'Token Expired Path',
	tokenExpiredComparison: 'Token Expired Comparison',
	tokenExpiredValue: 'Token Expired Value',
	sendApiHeaders: 'Send API Headers',
	apiHeaders: 'API Headers',
	secretStore: 'Secret Store',
	awsRegion: 'AWS Region',
	awsCredentials: 'AWS Credentials',
	awsAccessKeyId: 'AWS Access Key ID',
	awsSecretAccessKey: 'AWS Secret Access Key',
	awsSessionToken: 'AWS Session Token',
	awsRoleArn: 'AWS Role ARN',
	awsExternalId: 'AWS External ID',
	awsSessionName: 'AWS Session Name',
	awsSourceIdentity: 'AWS Source Identity',
	awsEndpoint: 'AWS Endpoint',
	secretName: 'Secret Name',
	awsKmsKeyId: 'AWS KMS Key',
	awsTags: 'AWS Tags',
	secretRef: 'Secret Reference',
} as const;

/** A property of the credential type. */
export type FieldKey = keyof typeof FIELD_NAMES;

/** What the form calls a property. */
export type FieldName = (typeof FIELD_NAMES)[FieldKey];
