import { describeStatus } from '../../nodes/VaultedOAuth2/actions/connection/status';
import type { OpenConnection } from '../../src';

const ISSUED = Date.parse('2026-01-01T00:00:00Z');

/** A connection as far as its status is told from it. */
function opened(
	grantType: string,
	{
		lifetimeSeconds,
		versionsPerDay,
		versionsPerRefresh = 1,
	}: { lifetimeSeconds: number | null; versionsPerDay?: number; versionsPerRefresh?: number },
): OpenConnection {
	const expiresAt = lifetimeSeconds === null ? null : ISSUED + lifetimeSeconds * 1000;
	return {
		connection: { label: 'Example CRM', grantType, scope: 'asked:for' },
		secretRef: {
			store: 'awsSecretsManager',
			secretId: 'arn:example',
			key: 'the-key-of-the-pointer',
		},
		store: { versionsPerDay },
		tokens: {
			status: () => ({
				tokenSet: {
					accessToken: 'the-access-token',
					issuedAt: ISSUED,
					expiresAt,
					requestedFor: '',
				},
				refreshAt: expiresAt === null ? null : expiresAt - 300_000,
				unsaved: false,
				versionId: undefined,
				lastError: undefined,
				counters: { acquired: 1, leaseWaitedFor: 2 },
				versionsPerRefresh,
			}),
		},
	} as unknown as OpenConnection;
}

test('says how many versions of the secret a day short-lived tokens can cost, where the store cannot take them', () => {
	const short = { lifetimeSeconds: 900, versionsPerDay: 100 };
	expect(describeStatus(opened('refresh_token', short))['warnings']).toEqual([
		expect.stringMatching(/ about 144 versions of the secret a day; the store takes 100\. /),
	]);
});

test('counts the versions of the lease as well, where several processes share the connection', () => {
	const half = { lifetimeSeconds: 1800, versionsPerDay: 100, versionsPerRefresh: 2 };
	expect(describeStatus(opened('refresh_token', half))['warnings']).toEqual([
		expect.stringMatching(
			/ each of 58 refreshes a day writes 2 versions .* about 116 versions of the secret a day; the store takes 100\. /,
		),
	]);
});

test.each([
	['tokens that live long enough', 'refresh_token', { lifetimeSeconds: 3600, versionsPerDay: 100 }],
	['tokens without an end', 'refresh_token', { lifetimeSeconds: null, versionsPerDay: 100 }],
	['a store without a limit', 'refresh_token', { lifetimeSeconds: 900 }],
	[
		'a grant without refresh tokens',
		'client_credentials',
		{ lifetimeSeconds: 900, versionsPerDay: 100 },
	],
])('does not warn of %s', (_case, grantType, figures) => {
	expect(describeStatus(opened(grantType, figures))).not.toHaveProperty('warnings');
});

test('tells how often each event happened', () => {
	const status = describeStatus(opened('refresh_token', { lifetimeSeconds: 3600 }));
	expect(status['counters']).toEqual({ acquired: 1, leaseWaitedFor: 2 });
});

test('tells neither the token nor the key of the pointer', () => {
	const text = JSON.stringify(describeStatus(opened('refresh_token', { lifetimeSeconds: 3600 })));
	expect(text).not.toMatch(/the-access-token|the-key-of-the-pointer/);
});

test('takes the scope that was asked for where the provider says none', () => {
	const status = describeStatus(opened('refresh_token', { lifetimeSeconds: null }));
	expect(status).toMatchObject({ scope: 'asked:for', expiresAt: null, lifetimeSeconds: null });
});
