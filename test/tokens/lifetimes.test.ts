import { readLifetime } from '../../src/oauth/tokenResponse';
import { Fixture } from './tokenSourceFixture';

/** Token requests for 100 calls; the table of docs/token-lifetimes.md. `paced` is one call a second. */
const TABLE: { expiresIn: unknown; atOnce: number; paced: number }[] = [
	{ expiresIn: 1, atOnce: 1, paced: 100 },
	{ expiresIn: 60, atOnce: 1, paced: 3 },
	{ expiresIn: 299, atOnce: 1, paced: 1 },
	{ expiresIn: 300, atOnce: 1, paced: 1 },
	{ expiresIn: 301, atOnce: 1, paced: 1 },
	{ expiresIn: 3600, atOnce: 1, paced: 1 },
	{ expiresIn: undefined, atOnce: 1, paced: 1 },
	{ expiresIn: null, atOnce: 1, paced: 1 },
	{ expiresIn: '3600', atOnce: 1, paced: 1 },
	{ expiresIn: 0, atOnce: 1, paced: 1 },
	{ expiresIn: -1, atOnce: 1, paced: 1 },
	{ expiresIn: 'never', atOnce: 1, paced: 1 },
	{ expiresIn: 1e15, atOnce: 1, paced: 1 },
];

describe.each(TABLE)('expires_in $expiresIn', ({ expiresIn, atOnce, paced }) => {
	const fixture = (): Fixture => {
		const f = new Fixture();
		f.lifetime = readLifetime(expiresIn) ?? null;
		return f;
	};

	it(`needs ${String(atOnce)} token request for 100 calls at once`, async () => {
		const f = fixture();
		await Promise.all(Array.from({ length: 100 }, () => f.source.get()));
		expect(f.requests).toBe(atOnce);
	});

	it(`needs ${String(paced)} for 100 calls, one a second`, async () => {
		const f = fixture();
		for (let call = 0; call < 100; call += 1) {
			await f.source.get();
			f.wait(1);
		}
		expect(f.requests).toBe(paced);
	});
});
