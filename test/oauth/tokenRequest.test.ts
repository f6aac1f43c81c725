import type { Connection } from '../../src/config/connection';
import { ConfigurationError } from '../../src/errors';
import type { AuthorizationServer } from '../../src/oauth/authorizationServer';
import { createTokenRequest } from '../../src/oauth/tokenRequest';
import type { Bundle } from '../../src/secrets/bundle';
import { MemoryStore } from '../support/memoryStore';

const connection = {
	label: 'L',
	grantType: 'refresh_token',
	clientId: 'c',
	clientAuthentication: 'automatic',
	clientSecretSource: { kind: 'entered' },
	tokenParameters: {},
	resources: [],
	defaultLifetimeSeconds: 3600,
	apiOrigins: [],
	dpop: 'never',
} as unknown as Connection;

const bundle: Bundle = {
	label: 'L',
	keySha256: '',
	sealedFor: { grantType: 'refresh_token', clientId: 'c', apiOrigins: [] },
	clientSecret: 'cs',
	refreshToken: 'rt',
	tokenSets: [],
	typedSha256: {},
	generation: 0,
	other: {},
};

/** A server that does not know the client by Basic; what happened, in order. */
function recording() {
	const steps: string[] = [];
	const server = {
		verifiesIdTokens: false,
		supportedAuthentication: async () => await Promise.resolve(undefined),
		requestTokens: async ({ authentication }: { authentication: string }) => {
			steps.push(authentication);
			if (authentication === 'client_secret_basic')
				throw new ConfigurationError('Client Secret', 'no', { code: 'INVALID_CLIENT' });
			return await Promise.resolve({ accessToken: 'at', expiresIn: 60, sentAt: 0 });
		},
	} as unknown as AuthorizationServer;
	return {
		steps,
		server,
		request: createTokenRequest({ connection, server, store: new MemoryStore(), now: () => 0 }),
	};
}

it('asks before each token request whether it may be sent', async () => {
	const { steps, request } = recording();
	await request.send(bundle, {
		beforeSend: async () => {
			steps.push('may I?');
			await Promise.resolve();
		},
	});
	expect(steps).toEqual(['may I?', 'client_secret_basic', 'may I?', 'client_secret_post']);
});

it('sends nothing that may not be sent', async () => {
	const { steps, request } = recording();
	const lost = new Error('lost');
	const refused = request.send(bundle, {
		beforeSend: async () => {
			if (steps.length > 0) throw lost;
			await Promise.resolve();
		},
	});
	await expect(refused).rejects.toBe(lost);
	expect(steps).toEqual(['client_secret_basic']);
});

describe('the digest of what would be sent', () => {
	const { request } = recording();
	const digest = request.digest(bundle);

	it.each<[string, Partial<Bundle>]>([
		['another refresh token', { refreshToken: 'rt-2' }],
		['another client secret', { clientSecret: 'cs-2' }],
		['another client authentication', { clientAuthentication: 'client_secret_post' }],
	])('changes with %s', (_name, changes) => {
		expect(request.digest({ ...bundle, ...changes })).not.toBe(digest);
	});

	const dpopKey = { alg: 'ES256', kty: 'EC', kid: 'jkt', d: 'd' } as const;

	it('does not change with what is not sent', () => {
		const other: Bundle = { ...bundle, label: 'M', generation: 7, other: { note: 'x' }, dpopKey };
		expect(request.digest(other)).toBe(digest);
	});

	it('changes with the key that a proof is made with', () => {
		const { server } = recording();
		const proving = createTokenRequest({
			connection: { ...connection, dpop: 'always' },
			server,
			store: new MemoryStore(),
			now: () => 0,
		});
		const [one, two] = [dpopKey, { ...dpopKey, kid: 'other' }];
		const digests = [{}, { dpopKey: one }, { dpopKey: two }].map((changes) =>
			proving.digest({ ...bundle, ...changes }),
		);
		expect(new Set(digests).size).toBe(3);
	});
});

it('asks for the same with its scopes in another order, and for something else with other parameters or resources', () => {
	const { server } = recording();
	const requestedFor = (changes: Partial<Connection>): string =>
		createTokenRequest({
			connection: { ...connection, ...changes },
			server,
			store: new MemoryStore(),
			now: () => 0,
		}).requestedFor;
	expect(requestedFor({ scope: 'a b' })).toBe(requestedFor({ scope: 'b a' }));
	const all = [
		requestedFor({}),
		requestedFor({ scope: 'a' }),
		requestedFor({ tokenParameters: { audience: 'one' } }),
		requestedFor({ tokenParameters: { audience: 'two' } }),
		requestedFor({ resources: ['https://a.example'] }),
	];
	expect(new Set(all).size).toBe(all.length);
});
