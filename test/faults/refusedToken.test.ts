import type { Connections } from '../../src/connections';
import { VaultedOAuth2Error } from '../../src/errors';
import { FaultEnvironment, type Form } from './environment';

const DAY_MINUTES = 1_440;
const ENDPOINT = '/reports/monthly';

let environment: FaultEnvironment;
let form: Form;

/** What the API does with an access token. */
type Api = (accessToken: string) => boolean;

/** Calls the API as the node does: a refused token is replaced once, and the request repeated. */
async function callApi(
	connections: Connections,
	accepts: Api,
	endpoint = ENDPOINT,
): Promise<number> {
	const { tokens } = connections.open(await connections.read(form));
	const { accessToken } = await tokens.get();
	if (accepts(accessToken)) {
		tokens.accepted(endpoint);
		return 200;
	}
	const replaced = await tokens.replaceRefused(accessToken, endpoint).catch((error: unknown) => {
		if (!(error instanceof VaultedOAuth2Error && error.temporary)) throw error;
		return undefined;
	});
	if (replaced === undefined || !accepts(replaced.accessToken)) return 401;
	tokens.accepted(endpoint);
	return 200;
}

/** Simulated time goes on while it waits. */
async function call(...parameters: Parameters<typeof callApi>): Promise<number> {
	return await environment.time.until(callApi(...parameters));
}

function processesOf(count: number): Connections[] {
	return Array.from({ length: count }, () => environment.process({ severalProcesses: count > 1 }));
}

beforeEach(() => {
	environment = new FaultEnvironment();
	// No ordinary refresh falls into the day.
	environment.rotation.lifetime = 3 * 86_400;
});

describe.each([1, 3])('%i processes', (count) => {
	it.each([
		['refreshToken', 'nothing else is called', false],
		['refreshToken', 'other endpoints take the token', true],
		['clientCredentials', 'nothing else is called', false],
		['authorizationCode', 'other endpoints take the token', true],
	] as const)(
		'an endpoint that always answers 401, once a minute for a day; %s, %s',
		async (grant, _name, others) => {
			form = await environment.sealed(grant);
			const processes = processesOf(count);
			const versions = environment.store.versions();
			for (let minute = 0; minute < DAY_MINUTES; minute += 1) {
				for (const process of processes) {
					expect(await call(process, () => false)).toBe(401);
					if (others) expect(await call(process, () => true, `/contacts/${minute}`)).toBe(200);
				}
				await environment.wait(60);
			}
			// Each process replaces the token once; under the lease that is two versions.
			expect(environment.sentAt.length).toBeLessThanOrEqual(count);
			expect(environment.store.versions() - versions).toBeLessThanOrEqual(2 * count);
			expect(environment.rotation.take().reused).toBe(0);
		},
	);

	it('a token that is revoked before its time heals at the next call, again and again', async () => {
		form = await environment.sealed('refreshToken');
		const processes = processesOf(count);
		const revoked = new Set<string>();
		const accepts: Api = (accessToken) => !revoked.has(accessToken);
		const held = async (process: Connections): Promise<string> => {
			const { tokens } = process.open(await process.read(form));
			return (await environment.time.until(tokens.get())).accessToken;
		};
		// An endpoint that means something else by 401 does not stand in the way.
		for (const process of processes) {
			revoked.add(await held(process));
			expect(await call(process, () => false, '/forbidden')).toBe(401);
		}
		environment.sentAt.length = 0;
		for (const process of processes) expect(await call(process, accepts)).toBe(200);
		for (let round = 0; round < 20; round += 1) {
			revoked.add(await held(processes[0]!));
			for (let turn = 0; turn < count; turn += 1) {
				const process = processes[(round + turn) % count]!;
				expect(await call(process, accepts)).toBe(200);
				expect(await call(process, () => false, '/forbidden')).toBe(401);
			}
			await environment.wait(round % 2 === 0 ? 1 : 600);
		}
		expect(environment.sentAt).toHaveLength(20);
		expect(environment.rotation.take().reused).toBe(0);
	});

	it('the provider answers 503 with Retry-After: 120: one token request per Retry-After', async () => {
		form = await environment.sealed('refreshToken');
		const processes = processesOf(count);
		for (const process of processes) await call(process, () => true);
		environment.provider = () => ({
			status: 503,
			headers: { 'retry-after': '120' },
			body: 'later',
		});
		environment.sentAt.length = 0;
		for (let second = 0; second < 1_200; second += 1) {
			for (const process of processes) expect(await call(process, () => false)).toBe(401);
			await environment.wait(1);
		}
		const gaps = environment.sentAt.slice(1).map((at, index) => at - environment.sentAt[index]!);
		expect(Math.min(...gaps)).toBeGreaterThanOrEqual(120_000);
		expect(environment.sentAt.length).toBeGreaterThan(5);
	});
});

it('a newer token in the store is adopted first, also right after this process has replaced one itself', async () => {
	form = await environment.sealed('refreshToken');
	const [here, elsewhere] = processesOf(2);
	const refused = new Set<string>();
	const accepts: Api = (accessToken) => !refused.has(accessToken);
	for (let round = 0; round < 5; round += 1) {
		// This process has just replaced a token.
		const { tokens } = here!.open(await here!.read(form));
		refused.add((await environment.time.until(tokens.get())).accessToken);
		expect(await call(here!, accepts)).toBe(200);
		refused.add((await environment.time.until(tokens.get())).accessToken);
		// Another one gets a token; the one here is refused.
		const other = elsewhere!.open(await elsewhere!.read(form));
		const newest = await environment.time.until(other.tokens.refreshNow());
		environment.sentAt.length = 0;
		expect(await call(here!, accepts)).toBe(200);
		expect((await environment.time.until(tokens.get())).accessToken).toBe(newest.accessToken);
		expect(environment.sentAt).toEqual([]);
		await environment.wait(round);
	}
});
