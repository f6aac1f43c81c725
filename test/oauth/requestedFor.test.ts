import { parseForm } from '../../src/config/parseForm';
import type { AuthorizationServer } from '../../src/oauth/authorizationServer';
import { createTokenRequest } from '../../src/oauth/tokenRequest';
import { form } from '../config/fixtures';
import { MemoryStore } from '../support/memoryStore';

const server = { verifiesIdTokens: false } as AuthorizationServer;

/** The mark by which a stored token is known to be for this connection. */
async function requestedFor(changes: Record<string, unknown> = {}): Promise<string> {
	const { connection } = await parseForm(
		form({
			issuerUrl: 'https://login.example.com',
			scope: 'api:read api:write',
			tokenParameters: '{"a":"1","b":"2"}',
			resource: 'https://one.example/ https://two.example/',
			...changes,
		}),
	);
	return createTokenRequest({ connection, server, store: new MemoryStore(), now: Date.now })
		.requestedFor;
}

it.each<Record<string, unknown>>([
	{ grantType: 'refreshToken' },
	{ clientId: 'another-client' },
	{ issuerUrl: 'https://elsewhere.example.com' },
	{ issuerUrl: '' },
	{ tokenUrl: 'https://login.example.com/another' },
	{ tokenUrl: '' },
	{ scope: 'api:read' },
	{ scope: '' },
	{ tokenParameters: '{"a":"1"}' },
	{ tokenParameters: '{"a":"2","b":"1"}' },
	{ tokenParameters: '{"a":"1","b":"2","audience":"x"}' },
	{ tokenParameters: '' },
	{ resource: 'https://one.example/' },
	{ resource: 'https://one.example/ https://three.example/' },
	{ resource: '' },
	{ dpop: 'always' },
	{ dpop: 'ifOffered' },
])('a token is never used for a connection with %j', async (changes) => {
	expect(await requestedFor(changes)).not.toBe(await requestedFor());
});

it('a token is never used under another choice of DPoP', async () => {
	expect(await requestedFor({ dpop: 'always' })).not.toBe(
		await requestedFor({ dpop: 'ifOffered' }),
	);
});

it.each<Record<string, unknown>>([
	{ scope: 'api:write api:read' },
	{ tokenParameters: '{"b":"2","a":"1"}' },
	{ label: 'Another name' },
	{ apiBaseUrl: 'https://another.example.com' },
	{ refreshBufferSeconds: 60 },
	{ clientAuthentication: 'post' },
	{ clientSecret: 'another-secret' },
	{ dpop: 'never' },
])('it is for a connection that asks for the same with %j', async (changes) => {
	expect(await requestedFor(changes)).toBe(await requestedFor());
});
