import type { ServerMetadata } from 'openid-client';

import { ConfigurationError, type VaultedOAuth2Error } from '../errors';
import type { AuthorizationServerOptions } from './authorizationServer';
import type { AssertionTarget, Client } from './clientAuthentication';
import type { Exchange } from './exchange';

const ENDPOINTS = {
	token_endpoint: { field: 'Token URL', what: 'token endpoint', wayOut: 'Fill in Token URL.' },
	authorization_endpoint: {
		field: 'Authorization URL',
		what: 'authorization endpoint',
		wayOut: 'Fill in Authorization URL.',
	},
	pushed_authorization_request_endpoint: {
		field: 'Pushed Authorization Request',
		what: 'endpoint for pushed requests',
		wayOut: 'Choose Never, or fill in the Issuer URL of a provider that has one.',
	},
} as const;

/** An endpoint that is entered in the form or discovered. */
export type EndpointKind = keyof typeof ENDPOINTS;

/** One that may also be nowhere. */
type AnyEndpoint =
	EndpointKind | 'introspection_endpoint' | 'revocation_endpoint' | 'userinfo_endpoint';

/** Codes which mean that an endpoint is not where the issuer's document says. */
const WRONG_ADDRESS: ReadonlySet<string> = new Set(['ENDPOINT_NOT_FOUND', 'REDIRECTED']);

/** Where the endpoints of one authorization server are. */
export class Endpoints {
	private readonly entered: Partial<Record<AnyEndpoint, string | undefined>>;

	constructor(private readonly options: AuthorizationServerOptions) {
		const { tokenEndpoint, authorizationEndpoint, revocationEndpoint } = options;
		this.entered = {
			token_endpoint: tokenEndpoint,
			authorization_endpoint: authorizationEndpoint,
			revocation_endpoint: revocationEndpoint,
		};
	}

	/** What the issuer says of itself; undefined if there is only a Token URL. @throws ConfigurationError, ProviderError */
	async metadata(): Promise<ServerMetadata | undefined> {
		const { issuer, discovery } = this.options;
		return issuer === undefined ? undefined : await discovery.metadata(issuer);
	}

	/** The address in the form, else the discovered one. @throws ConfigurationError also `DISCOVERY_FAILED`, ProviderError */
	async address(kind: EndpointKind, client?: Client): Promise<string> {
		const { field, what, wayOut } = ENDPOINTS[kind];
		const address = await this.find(kind, client);
		if (address !== undefined) return address;
		throw new ConfigurationError(
			field,
			`the issuer describes no ${what} with an https:// address. ${wayOut}`,
			{ code: 'DISCOVERY_FAILED' },
		);
	}

	/**
	 * An endpoint as it is entered, else as the issuer describes it; for a client with a certificate at the address that asks for one
	 * (RFC 8705 §5).
	 *
	 * @throws ConfigurationError, ProviderError
	 */
	async find(kind: AnyEndpoint, client?: Client): Promise<string | undefined> {
		const entered = this.entered[kind];
		if (entered !== undefined) return entered;
		const metadata = await this.metadata();
		const usesAlias = client?.authentication === 'tls_client_auth';
		const alias = usesAlias ? metadata?.mtls_endpoint_aliases?.[kind] : undefined;
		return alias ?? metadata?.[kind];
	}

	/** Why a request failed; an address that is wrong is looked for again. */
	failureAt(kind: EndpointKind, exchange: Exchange): VaultedOAuth2Error {
		const { issuer, discovery } = this.options;
		const failure = exchange.toError();
		const isDiscovered = this.entered[kind] === undefined && issuer !== undefined;
		if (isDiscovered && WRONG_ADDRESS.has(failure.code)) discovery.invalidate(issuer);
		return failure;
	}

	/** What a client assertion has to say. The address that a person entered is where it goes, and many servers want just that. */
	async assertionTarget(): Promise<AssertionTarget> {
		const { tokenEndpoint, issuer, discovery } = this.options;
		if (tokenEndpoint !== undefined) return { audience: tokenEndpoint, algorithms: [] };
		const { issuer: audience, token_endpoint_auth_signing_alg_values_supported: algorithms } =
			await discovery.metadata(issuer ?? '');
		return { audience, algorithms: Array.isArray(algorithms) ? algorithms : [] };
	}
}
