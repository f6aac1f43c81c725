import type Provider from 'oidc-provider' with { 'resolution-mode': 'import' };

/** `oidc-provider` takes `client_secret_post` for `client_secret_basic` and the other way round; most other servers do not. */
export function insistOnRegisteredMethod(OidcProvider: typeof Provider, provider: Provider): void {
	const { prototype } = provider.Client;
	const compare = prototype.compareClientSecret;
	prototype.compareClientSecret = function (secret) {
		const header = OidcProvider.ctx?.headers.authorization;
		const used = header === undefined ? 'client_secret_post' : 'client_secret_basic';
		return used === this.clientAuthMethod && compare.call(this, secret);
	};
}

/** Turns Basic authentication with plain client id and secret into the percent-encoded one of RFC 6749 §2.3.1. */
export function encodeBasic(header: string | undefined): string | undefined {
	const credentials = /^Basic (\S+)$/i.exec(header ?? '')?.[1];
	if (credentials === undefined) return header;
	const [id = '', ...secret] = Buffer.from(credentials, 'base64').toString().split(':');
	const encoded = [id, secret.join(':')].map(encodeURIComponent).join(':');
	return `Basic ${Buffer.from(encoded).toString('base64')}`;
}
