import { Crew } from '../faults/crew';
import { Place, type StoreKind } from '../faults/place';

let place: Place;
let crew: Crew;

beforeAll(async () => {
	place = await Place.open();
	crew = await Crew.start(5);
}, 30_000);

afterAll(async () => {
	await crew.stop();
	await place.close();
});

const CALLS = 20;

describe.each<StoreKind>(['localVault', 'awsSecretsManager'])(
	'five real processes and the store %s',
	(kind) => {
		it('redeem an expired refresh token once for 20 calls each', async () => {
			place.provider.delayMs = 200;
			const connection = await place.expired(kind);
			const answers = await crew.call({ ...connection, calls: CALLS });
			const tokens = new Set(answers.flatMap((answer) => answer?.tokens));
			expect(answers.map((answer) => answer?.failures)).toEqual([{}, {}, {}, {}, {}]);
			expect([...tokens].map((token) => place.provider.isLatest(token ?? ''))).toEqual([true]);
			expect(place.provider.take()).toEqual({ redeemed: 1, reused: 0, refused: 0 });
		}, 30_000);

		it('recover by one of them where the holder is killed before it calls the provider', async () => {
			place.provider.delayMs = 50;
			const connection = await place.expired(kind);
			const answers = await crew.call({
				...connection,
				calls: CALLS,
				leaseMs: 3000,
				diesAt: 'before the call',
				deathMark: place.mark(),
			});
			const alive = answers.filter((answer) => answer !== undefined);
			expect(alive.map(({ failures }) => failures)).toEqual([{}, {}, {}, {}]);
			expect(place.provider.take()).toEqual({ redeemed: 1, reused: 0, refused: 0 });
			const takenOver = alive.flatMap(({ events }) => events['lease.takenOver'] ?? []);
			expect(takenOver).toEqual([1]);
		}, 30_000);
	},
);
