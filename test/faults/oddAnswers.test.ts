import type { Connections } from '../../src/connections';
import { ConfigurationError, SecretStoreError, type VaultedOAuth2Error } from '../../src/errors';
import {
	FaultEnvironment,
	Users,
	type Behaviour,
	type Form,
	type Grant,
	type Outcome,
} from './environment';
import type { StoreCall } from './aroundStore';

const LIFETIME_SECONDS = 3_600;
/** Inside the buffer, with five minutes left at most. */
const DUE_AFTER_SECONDS = 3_320;
const PER_SECOND = 5;
const TEN_MINUTES = 600;
const MOST_REQUESTS = 25;

/** Something odd, from one of those who are asked. */
interface Fault {
	readonly name: string;
	readonly provider?: Behaviour;
	readonly store?: {
		readonly actions: readonly StoreCall['action'][];
		readonly error: () => VaultedOAuth2Error;
	};
}

const denied = (action: string) => (): SecretStoreError =>
	new SecretStoreError(`${action} is denied`, {
		code: 'ACCESS_DENIED',
		action,
		secretId: 's',
	});

const REDIRECT: Fault = {
	name: '302',
	provider: { status: 302, headers: { location: 'https://elsewhere.example.com/' }, body: '' },
};
const NOT_FOUND: Fault = { name: '404', provider: { status: 404, body: 'Not Found' } };
const BLOCKED: Fault = {
	name: '403 with a page',
	provider: {
		status: 403,
		headers: { 'content-type': 'text/html' },
		body: '<html>Blocked by the firewall</html>',
	},
};
const INVALID_CLIENT: Fault = {
	name: 'invalid_client',
	provider: { status: 401, body: { error: 'invalid_client' } },
};
const NO_IDENTITY: Fault = {
	name: 'no IMDS',
	store: {
		actions: ['read', 'write', 'assertWritable', 'previous'],
		error: () =>
			new ConfigurationError('AWS Credentials', 'this host offers none at present.', {
				code: 'AWS_HOST_IDENTITY_UNAVAILABLE',
			}),
	},
};
const READ_DENIED: Fault = {
	name: 'GetSecretValue denied',
	store: { actions: ['read'], error: denied('GetSecretValue') },
};
const WRITE_DENIED: Fault = {
	name: 'PutSecretValue denied',
	store: { actions: ['write', 'assertWritable'], error: denied('PutSecretValue') },
};
const GRANTS = ['refreshToken', 'clientCredentials', 'authorizationCode'] as const;

let environment: FaultEnvironment;
let form: Form;
let users: Users;
let processes: Connections[];
/** How often the one that is odd was asked meanwhile. */
let asked: number;

async function start(grant: Grant, count: number, changes: Form = {}): Promise<void> {
	environment = new FaultEnvironment();
	environment.rotation.lifetime = LIFETIME_SECONDS;
	form = await environment.sealed(grant, changes);
	processes = Array.from({ length: count }, () =>
		environment.process({ severalProcesses: count > 1 }),
	);
	users = new Users(environment, form, processes);
	await users.callFor(1);
	await users.ended();
	users.outcomes.length = 0;
}

/** @param left how often it is odd; by default until it is mended */
function breakDown({ provider, store }: Fault, left = Infinity): void {
	asked = 0;
	const isOdd = (): boolean => {
		asked += 1;
		left -= 1;
		return left >= 0;
	};
	if (provider !== undefined) environment.provider = () => (isOdd() ? provider : undefined);
	environment.around = async (call, act) => {
		if (store?.actions.includes(call.action) === true && isOdd()) throw store.error();
		return await act();
	};
}

function mend(): void {
	environment.provider = () => undefined;
	environment.around = async (_call, act) => await act();
}

async function oddFor(fault: Fault, times: number, seconds: number): Promise<void> {
	breakDown(fault, times);
	await users.callFor(seconds, { perSecond: PER_SECOND });
	mend();
}

function results(outcomes: readonly Outcome[]): Set<string> {
	return new Set(outcomes.map(({ result }) => result));
}

const ODD = [REDIRECT, NOT_FOUND, BLOCKED, NO_IDENTITY, READ_DENIED, WRITE_DENIED];

describe.each([1, 3])('%i processes', (count) => {
	describe.each(ODD)('$name', (fault) => {
		it.each([
			['once', 1, 1],
			['for 10 s', Infinity, 10],
		])('%s: a valid token serves, and it costs 30 s at most', async (_name, times, seconds) => {
			await start('refreshToken', count);
			await environment.wait(DUE_AFTER_SECONDS);
			await oddFor(fault, times, seconds);
			await users.callFor(30, { perSecond: PER_SECOND });
			await users.ended();
			expect(results(users.outcomes)).toEqual(new Set(['served']));

			// The same without a valid token.
			await environment.wait(LIFETIME_SECONDS + 60);
			await oddFor(fault, times, seconds);
			await users.callFor(30, { perSecond: PER_SECOND });
			users.outcomes.length = 0;
			await users.callFor(5, { perSecond: PER_SECOND });
			await users.ended();
			expect(results(users.outcomes)).toEqual(new Set(['served']));
			expect(environment.rotation.take().reused).toBe(0);
		});
	});

	describe.each(GRANTS)('%s', (grant) => {
		it.each([INVALID_CLIENT, NOT_FOUND, READ_DENIED, WRITE_DENIED, NO_IDENTITY])(
			'$name for ten minutes: few requests to who refuses',
			async (fault) => {
				await start(grant, count);
				await environment.wait(LIFETIME_SECONDS + 100);
				breakDown(fault);
				await users.callFor(TEN_MINUTES, { perSecond: PER_SECOND });
				await users.ended();
				expect(asked).toBeLessThanOrEqual(MOST_REQUESTS);
			},
		);
	});
});

describe.each([1, 3])('a referenced client secret that was mended, %i processes', (count) => {
	const REFERENCE = 'crm-client';

	it.each(['clientCredentials', 'refreshToken'] as const)(
		'%s: in use within a minute',
		async (grant) => {
			let valid = 'client-secret-1';
			const put = (content: string): void => {
				const version = (environment.store.secrets.get(REFERENCE)?.version ?? 0) + 1;
				environment.store.secrets.set(REFERENCE, { version, content });
				environment.store.tags.set(REFERENCE, {
					'vaulted-oauth2:token-hosts': 'login.example.com',
				});
			};
			environment = new FaultEnvironment();
			environment.provider = (request) =>
				request.get('client_secret') === valid
					? undefined
					: { status: 401, body: { error: 'invalid_client' } };
			put(valid);
			form = await environment.sealed(grant, {
				clientSecret: '',
				clientSecretSource: 'reference',
				clientSecretReference: REFERENCE,
			});
			processes = Array.from({ length: count }, () =>
				environment.process({ severalProcesses: count > 1 }),
			);
			users = new Users(environment, form, processes);
			await users.callFor(1);
			await environment.wait(LIFETIME_SECONDS + 100);
			users.outcomes.length = 0;
			// The administrator replaces it at the provider, and here only much later.
			valid = 'client-secret-2';
			environment.sentAt.length = 0;
			await users.callFor(TEN_MINUTES, { perSecond: PER_SECOND });
			expect(results(users.outcomes)).toEqual(new Set(['INVALID_CLIENT']));
			expect(environment.sentAt.length).toBeLessThanOrEqual(MOST_REQUESTS);
			put(valid);
			await users.callFor(60, { perSecond: PER_SECOND });
			users.outcomes.length = 0;
			await users.callFor(5, { perSecond: PER_SECOND });
			await users.ended();
			expect(results(users.outcomes)).toEqual(new Set(['served']));
		},
	);
});

describe('no wait is longer than an hour', () => {
	it.each([
		['Retry-After: 999999', { status: 503, headers: { 'retry-after': '999999' }, body: '' }],
		['invalid_client for two days', { status: 401, body: { error: 'invalid_client' } }],
		['invalid_grant for two days', { status: 400, body: { error: 'invalid_grant' } }],
	])('%s', async (_name, behaviour) => {
		await start('refreshToken', 1);
		await environment.wait(LIFETIME_SECONDS + 100);
		environment.sentAt.length = 0;
		environment.provider = () => behaviour;
		await users.callFor(2 * 86_400, { perSecond: 1 / 60 });
		await users.ended();
		const gaps = environment.sentAt.slice(1).map((at, index) => at - environment.sentAt[index]!);
		// The next call comes within a minute.
		expect(Math.max(...gaps)).toBeLessThanOrEqual(3_660_000);
		expect(environment.sentAt.length).toBeLessThanOrEqual(60);
	});
});
