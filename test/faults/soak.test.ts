import { FaultEnvironment, type Grant } from './environment';

const DAY_MS = 86_400_000;
const DAYS = 30;
/** AWS keeps all versions of the last 24 hours, and at most about 100 in all. */
const QUOTA = 100;

/** Thirty days of calls, one every five minutes. */
async function soak(
	lifetimeSeconds: number,
	grant: Grant,
): Promise<{ unsaved: number; tokenRequests: number; mostVersions: number }> {
	const environment = new FaultEnvironment();
	environment.rotation.lifetime = lifetimeSeconds;
	const form = await environment.sealed(grant);
	const { tokens } = environment.process().open(await environment.process().read(form));
	const writtenAt: number[] = [];
	environment.around = async ({ action }, act) => {
		if (action === 'write') writtenAt.push(environment.time.elapsed);
		return await act();
	};
	for (let elapsed = 0; elapsed < DAYS * DAY_MS; elapsed += 300_000) {
		await environment.wait(300);
		await environment.time.until(tokens.get());
	}
	const unsaved = environment.events.filter(({ name }) => name === 'rotated but not saved').length;
	return {
		unsaved,
		tokenRequests: environment.sentAt.length,
		mostVersions: mostWithinADay(writtenAt),
	};
}

function mostWithinADay(times: readonly number[]): number {
	let first = 0;
	let most = 0;
	for (const [last, time] of times.entries()) {
		while ((times[first] ?? time) <= time - DAY_MS) first += 1;
		most = Math.max(most, last - first + 1);
	}
	return most;
}

it.each([
	[3600, 'refreshToken'],
	[1800, 'refreshToken'],
	[1800, 'authorizationCode'],
] as const)(
	'30 days of tokens of %i s that rotate (%s) stay inside the quota',
	async (lifetime, grant) => {
		const { unsaved, tokenRequests, mostVersions } = await soak(lifetime, grant);
		expect(unsaved).toBe(0);
		expect(tokenRequests).toBeGreaterThan((DAYS * DAY_MS) / 1000 / lifetime);
		expect(mostVersions).toBeLessThanOrEqual(QUOTA);
	},
);

it('30 days of Client Credentials tokens of 15 minutes stay inside the quota: not every token is written', async () => {
	const { unsaved, tokenRequests, mostVersions } = await soak(900, 'clientCredentials');
	expect(unsaved).toBe(0);
	expect(tokenRequests).toBeGreaterThan((DAYS * DAY_MS) / 900_000);
	expect(mostVersions).toBeLessThanOrEqual(QUOTA);
});

it('tokens of 15 minutes that rotate do not, and that is reported in advance', async () => {
	const environment = new FaultEnvironment();
	environment.rotation.lifetime = 900;
	const form = await environment.sealed('refreshToken');
	const { tokens, store } = environment.process().open(await environment.process().read(form));
	await environment.time.until(tokens.get());
	const { tokenSet, refreshAt, versionsPerRefresh } = tokens.status();
	const perDay = (DAY_MS * versionsPerRefresh) / ((refreshAt ?? 0) - (tokenSet?.issuedAt ?? 0));
	expect(perDay).toBeGreaterThan(store.versionsPerDay ?? Infinity);
});
