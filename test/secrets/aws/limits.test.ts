import { createEgress } from '../../../src/http/createEgress';
import { DEFAULT_TIMEOUTS } from '../../../src/secrets/aws/connection';
import { startAwsTestBed, type AwsTestBed } from '../../support/awsStore';

let bed: AwsTestBed;

beforeEach(async () => {
	bed = await startAwsTestBed();
	bed.server.perform('CreateSecret', { Name: 'known', SecretString: '{}' });
});

afterEach(async () => {
	await bed.close();
});

const times = (count: number) => Array.from({ length: count }, (_, n) => n);

it('has at most 25 reads under way at once', async () => {
	const { open } = createEgress(undefined, {});
	let underWay = 0;
	let most = 0;
	const store = bed.open({
		egress: {
			open: async (...request) => {
				underWay += 1;
				most = Math.max(most, underWay);
				return await open(...request).finally(() => (underWay -= 1));
			},
		},
	});

	const read = await Promise.all(times(200).map(() => store.read('known')));

	expect(read).toHaveLength(200);
	expect(most).toBe(25);
});

it('starts 25 writes a second, and their time limits only then', async () => {
	const store = bed.open();
	await store.read('known');
	const timeout = AbortSignal.timeout.bind(AbortSignal);
	const starts: number[] = [];
	jest.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
		expect(milliseconds).toBe(DEFAULT_TIMEOUTS.call);
		starts.push(performance.now());
		return timeout(milliseconds);
	});
	const begun = performance.now();

	await Promise.all(times(45).map((n) => store.create(`secret-${n}`, '{}')));

	// All but the first 5 are 40 ms apart, or later on a slow machine.
	for (const [index, start] of starts.entries()) {
		expect(start - begun).toBeGreaterThanOrEqual((index - 4) * 40);
	}
	expect(starts).toHaveLength(45);
});

it('lets a read pass waiting writes', async () => {
	const store = bed.open();
	await store.read('known');
	let written = 0;
	const writing = times(60).map(async (n) => {
		await store.create(`secret-${n}`, '{}');
		written += 1;
	});

	await store.read('known');

	// Behind them, it would begin after 35.
	expect(written).toBeLessThan(30);
	await Promise.all(writing);
});
