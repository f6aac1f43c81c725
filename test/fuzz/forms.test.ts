import fc from 'fast-check';

import type { Connection, Form } from '../../src/config/connection';
import { FIELD_NAMES, type FieldKey } from '../../src/config/fields';
import { readInstanceSettings } from '../../src/config/instanceSettings';
import { isSecureUrl } from '../../src/config/secureUrl';
import { Connections } from '../../src/connections';
import { ConfigurationError } from '../../src/errors';
import { awsForm, form } from '../config/fixtures';
import { assertClassified, fuzz } from './fuzz';
import { FakeNetwork, NOW, ok } from './provider';
import { assertNoSecret, SECRETS } from './secrets';
import { deepJson, inherited, json, text } from './values';

const connections = new Connections({
	settings: readInstanceSettings({}),
	egress: new FakeNetwork(() => ok({})).egress,
	now: () => NOW,
	emit: () => undefined,
});

const KEYS = Object.keys(FIELD_NAMES) as FieldKey[];
const NAMES: ReadonlySet<string> = new Set(Object.values(FIELD_NAMES));

const address = fc
	.tuple(
		fc.constantFrom(
			'https://',
			'http://',
			'HTTPS://',
			'https:',
			'file://',
			'//',
			'blob:https://',
			'',
		),
		fc.constantFrom('a.example.com', 'localhost', 'x.localhost', 'xlocalhost', '127.0.0.1', '127.1', '[::1]', '*.a.com', 'u:p@a.com', '10.0.0.1', 'ä.com'), // prettier-ignore
		fc.constantFrom('', ':443', ':0', ':99999', '/', '/x', '/..', '/{tenantId}', '?a=b', '#f', ' ', '\\'), // prettier-ignore
	)
	.map((parts) => parts.join(''));

/** Values that fit some field, so that forms get past the first check. */
const fitting = fc.constantFrom<unknown>(
	'clientCredentials',
	'authorizationCode',
	'refreshToken',
	'awsSecretsManager',
	'localVault',
	'enter',
	'reference',
	'accessKey',
	'assumeRole',
	'none',
	'eu-central-1',
	'arn:aws:iam::123456789012:role/n8n',
	'a=b&c=d',
	'{"audience":"x"}',
	'{"__proto__":"x"}',
	'{"client_secret":"x"}',
	'api:read api:write',
	300,
	'300',
	true,
	'',
);
const value: fc.Arbitrary<unknown> = fc.oneof(
	{ weight: 4, arbitrary: fitting },
	{ weight: 4, arbitrary: address },
	{ weight: 2, arbitrary: text },
	{ weight: 2, arbitrary: json },
	{
		weight: 1,
		arbitrary: fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }),
	},
	{ weight: 1, arbitrary: deepJson },
);

/** A filled-in form, secrets typed, of which some fields were changed. */
const anyForm = fc
	.record({
		base: fc.constantFrom(form(), awsForm()),
		grantType: fc.constantFrom('clientCredentials', 'authorizationCode', 'refreshToken'),
		changes: fc.dictionary(fc.oneof(fc.constantFrom<string>(...KEYS), inherited), value, {
			maxKeys: 4,
		}),
	})
	.map(({ base, grantType, changes }) => ({
		...base,
		grantType,
		redirectUri: 'https://n8n.example.com/webhook/x/callback',
		authorizationUrl: 'https://login.example.com/authorize',
		revocationUrl: 'https://login.example.com/revoke',
		scope: 'api:read',
		awsSessionToken: SECRETS.awsSessionToken,
		awsSecretAccessKey: SECRETS.awsSecretAccessKey,
		clientSecret: SECRETS.clientSecret,
		refreshToken: SECRETS.refreshToken,
		authorizationResponse: `https://x.example.com/?code=${SECRETS.code}`,
		...changes,
	}));

/** What requests with secrets and tokens are sent to. */
function addressesOf(connection: Connection): string[] {
	const { issuer, tokenEndpoint, authorizationCode, apiBaseUrl, apiOrigins, store } = connection;
	const all = [
		issuer,
		tokenEndpoint,
		connection.revocationEndpoint,
		authorizationCode?.authorizationEndpoint,
		authorizationCode?.redirectUri,
		apiBaseUrl,
		// What is behind "#" is not sent.
		connection.validationUrl?.split('#')[0],
		...apiOrigins,
		...(store.kind === 'awsSecretsManager' ? [store.endpoint] : []),
	];
	return all.filter((url) => url !== undefined);
}

fuzz('forms', {
	share: 25,
	of: anyForm,
	run: async (fields) => await connections.read(fields),
	check(outcome) {
		const { error, result } = outcome;
		assertClassified(outcome, 'configuration');
		assertNoSecret(error);
		if (error instanceof ConfigurationError) {
			if (!NAMES.has(error.field)) throw new Error(`no field is called ${error.field}`);
			return;
		}
		const { connection } = result as Form;
		const open = addressesOf(connection).find((url) => !isSecureUrl(url));
		if (open !== undefined) throw new Error(`${open} may be read on the way`);
		const [base] = connection.apiOrigins;
		if (base !== new URL(connection.apiBaseUrl).origin) throw new Error('the first origin');
		for (const origin of connection.apiOrigins)
			if (new URL(origin).origin !== origin) throw new Error(`${origin} is no origin`);
		const { store, ...rest } = connection;
		assertNoSecret(rest);
		if (store.kind === 'localVault') assertNoSecret(store);
	},
});
