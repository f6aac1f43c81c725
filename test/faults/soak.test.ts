import { WholeCore } from '../support/wholeCore';

const DAY_SECONDS = 86_400;
const DAYS = 30;

let core: WholeCore;

beforeAll(async () => {
	core = await WholeCore.start('awsSecretsManager', true);
});
afterAll(async () => {
	await core.close();
});

/** Thirty days of calls, one every five minutes; what failed, and how often a token had no place in the store. */
async function soak(
	lifetimeSeconds: number,
	grant: 'refreshToken' | 'clientCredentials',
): Promise<{ failed: string[]; unsaved: number; tokenRequests: number }> {
	core.provider.accessTokenSeconds = lifetimeSeconds;
	const label = `Soak ${grant} ${lifetimeSeconds}`;
	const form = await core.save(
		grant === 'refreshToken' ? await core.refreshForm({ label }) : core.form({ label }),
	);
	const { tokens } = await core.connections.open(form);
	const before = core.provider.countTokenRequests();
	const failed: string[] = [];
	core.events.length = 0;
	for (let elapsed = 0; elapsed < DAYS * DAY_SECONDS; elapsed += 300) {
		core.wait(300);
		await tokens.get().catch((error: unknown) => failed.push((error as { code: string }).code));
	}
	const unsaved = core.events.filter(({ name }) => name === 'rotated but not saved').length;
	return { failed, unsaved, tokenRequests: core.provider.countTokenRequests() - before };
}

it.each([3600, 1800])(
	'30 days of tokens of %i s that rotate stay inside the quota',
	async (lifetime) => {
		const { failed, unsaved, tokenRequests } = await soak(lifetime, 'refreshToken');
		expect(failed).toEqual([]);
		expect(unsaved).toBe(0);
		expect(tokenRequests).toBeGreaterThan((DAYS * DAY_SECONDS) / lifetime);
	},
);

it('30 days of Client Credentials tokens of 15 minutes stay inside the quota: not every token is written', async () => {
	const { failed, unsaved } = await soak(900, 'clientCredentials');
	expect(failed).toEqual([]);
	expect(unsaved).toBe(0);
});

it('tokens of 15 minutes that rotate do not, and that is said in advance', async () => {
	core.provider.accessTokenSeconds = 900;
	const form = await core.save(await core.refreshForm({ label: 'Soak warned' }));
	const { tokens, store } = await core.connections.open(form);
	await tokens.get();
	const { tokenSet, refreshAt, versionsPerRefresh } = tokens.status();
	const perDay =
		(DAY_SECONDS * 1000 * versionsPerRefresh) / ((refreshAt ?? 0) - (tokenSet?.issuedAt ?? 0));
	expect(perDay).toBeGreaterThan(store.versionsPerDay ?? Infinity);
});
