/** Shown where the secrets are in AWS Secrets Manager. */
export const aws = { secretStore: ['awsSecretsManager'] };

/** Shown where a person connects an account. */
export const byCode = { grantType: ['authorizationCode'] };

/** Shown if tokens stand for a person's consent. */
export const byPerson = { grantType: ['authorizationCode', 'refreshToken'] };

/** Ways of Client Authentication that need a private key. */
export const byKey = ['privateKeyJwt', 'tlsClientCertificate'];
