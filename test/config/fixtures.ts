/** What a form has of an account that a person connects. */
export const byCode: Readonly<Record<string, unknown>> = {
	grantType: 'authorizationCode',
	authorizationUrl: 'https://login.example.com/authorize',
	redirectUri: 'https://n8n.example.com/webhook/x/callback',
	scope: 'api:read',
};

/** A filled-in form of the Client Credentials grant with the local vault. */
export function form(changes: Record<string, unknown> = {}): Record<string, unknown> {
	return {
		label: 'Example CRM',
		grantType: 'clientCredentials',
		issuerUrl: '',
		tokenUrl: 'https://login.example.com/oauth2/token',
		clientId: 'crm-client',
		clientAuthentication: 'automatic',
		secretStore: 'localVault',
		clientSecretSource: 'enter',
		clientSecret: 'typed-client-secret',
		refreshToken: '',
		scope: '',
		tokenParameters: '{}',
		apiBaseUrl: 'https://api.example.com/v1/',
		additionalApiOrigins: '',
		tenantId: '',
		validationPath: '',
		refreshBufferSeconds: 300,
		defaultLifetimeSeconds: 0,
		secretRef: '',
		...changes,
	};
}

/** The same with AWS Secrets Manager. */
export function awsForm(changes: Record<string, unknown> = {}): Record<string, unknown> {
	return form({
		secretStore: 'awsSecretsManager',
		awsRegion: 'eu-central-1',
		awsCredentials: 'accessKey',
		awsAccessKeyId: 'AKIAEXAMPLE',
		awsSecretAccessKey: 'example-secret-access-key',
		...changes,
	});
}
