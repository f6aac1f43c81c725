import type { ClientAuth, Configuration, CustomFetch, ServerMetadata } from 'openid-client';

import type { Egress } from '../http/egress';
import { Redactor } from '../redact';
import type { AuthorizationServerOptions } from './authorizationServer';
import type { FailureContext } from './classify';
import { authenticate, invalidClient, type Client } from './clientAuthentication';
import type { Endpoints } from './endpoints';
import { Exchange, TIMEOUT_MS, type ExchangeOptions } from './exchange';

/** The library that this folder is the door to. */
export type OpenIdClient = typeof import('openid-client');

/** openid-client is ESM and only needed once tokens are asked for. */
export const loadLibrary = async (): Promise<OpenIdClient> => await import('openid-client');

interface LibraryOptions {
	readonly clientId: string;
	readonly auth?: ClientAuth;
	readonly metadata: Partial<ServerMetadata>;
	readonly send: CustomFetch;
}

/** A client of the server, for requests to the endpoints in `metadata`. */
export async function configure(
	{ issuer, tokenEndpoint }: AuthorizationServerOptions,
	{ clientId, auth, metadata, send }: LibraryOptions,
): Promise<Configuration> {
	const library = await loadLibrary();
	const configuration = new library.Configuration(
		{ issuer: issuer ?? new URL(tokenEndpoint ?? '').origin, ...metadata },
		clientId,
		{},
		auth ?? library.None(),
	);
	configuration.timeout = TIMEOUT_MS / 1000;
	configuration[library.customFetch] = send;
	// Every address was checked: https, or http to this machine itself.
	library.allowInsecureRequests(configuration);
	return configuration;
}

interface Authenticated {
	readonly auth: ClientAuth;
	/** What is secret of it; grows with the request. */
	readonly sent: readonly (string | undefined)[];
	readonly exchangeOptions: ExchangeOptions;
}

/** How the client authenticates its request to `address`, what it goes through, and what it sends that nobody may see. */
async function authenticated(
	options: AuthorizationServerOptions,
	endpoints: Endpoints,
	{ client, address }: Pick<RequestOptions, 'client' | 'address'>,
): Promise<Authenticated> {
	const { egress, now } = options;
	const { auth, tls } = await authenticate(await loadLibrary(), client, {
		target: async () => await endpoints.assertionTarget(),
		now,
	});
	const sent = [client.clientSecret];
	const observed: Egress = {
		...egress,
		request: async (url, request) => {
			// The key set of the same issuer is asked for without a certificate.
			if (url !== address) return await egress.request(url, request);
			sent.push(new URLSearchParams(request.body).get('client_assertion') ?? undefined);
			sent.push(request.headers['dpop']);
			return await egress.request(url, { ...request, tls });
		},
	};
	return { auth, sent, exchangeOptions: { ...options, egress: observed } };
}

/** Options for {@link beginRequest}. */
export interface RequestOptions {
	readonly client: Client;
	readonly address: string;
	/** What the library has to know of the server. */
	readonly metadata: Partial<ServerMetadata>;
	/** What messages may say; `field` is Issuer URL unless it says otherwise. */
	readonly context: Omit<FailureContext, 'host' | 'field' | 'redactor' | 'invalidClient'> &
		Partial<Pick<FailureContext, 'field'>>;
	/** What is sent and must not be repeated, besides what the client authenticates with. */
	readonly secrets: readonly (string | undefined)[];
	/** How the answer is read. */
	readonly answer: (exchange: Exchange) => CustomFetch;
}

/** A request that a client authenticates, ready to be sent by the library. */
export interface BegunRequest {
	readonly library: OpenIdClient;
	readonly configuration: Configuration;
	readonly exchange: Exchange;
}

/** Prepares a request of `client`. @throws ConfigurationError if its key or certificate cannot be used, or discovery fails; ProviderError */
export async function beginRequest(
	options: AuthorizationServerOptions,
	endpoints: Endpoints,
	request: RequestOptions,
): Promise<BegunRequest> {
	const { client, address, metadata, context, secrets, answer } = request;
	const { auth, sent, exchangeOptions } = await authenticated(options, endpoints, request);
	const exchange = new Exchange(exchangeOptions, {
		host: new URL(address).host,
		field: 'Issuer URL',
		invalidClient: invalidClient(client),
		...context,
		get redactor() {
			return new Redactor([...sent, ...secrets]);
		},
	});
	const configuration = await configure(options, {
		clientId: client.clientId,
		auth,
		metadata,
		send: answer(exchange),
	});
	return { library: await loadLibrary(), configuration, exchange };
}
