import { createEgress } from '../../src/http/createEgress';
import type { Egress } from '../../src/http/egress';
import { WholeCore, type Form } from '../support/wholeCore';

/** Counts the requests of one address that are under way at once; none goes on before the first `size` have come. */
class Crowd {
	most = 0;
	private present = 0;
	private open: () => void = () => undefined;
	private readonly opened = new Promise<void>((resolve) => (this.open = resolve));

	constructor(private readonly size: number) {}

	egress(address: string): Egress {
		const real = createEgress(undefined, {});
		return {
			...real,
			request: async (url, request) => {
				if (url !== address) return await real.request(url, request);
				this.present += 1;
				this.most = Math.max(this.most, this.present);
				if (this.present === this.size) this.open();
				await this.opened;
				try {
					return await real.request(url, request);
				} finally {
					this.present -= 1;
				}
			},
		};
	}
}

describe('a cold start of many connections of one provider', () => {
	let core: WholeCore;
	const forms: Form[] = [];

	beforeAll(async () => {
		core = await WholeCore.start('awsSecretsManager');
		for (let count = 0; count < 40; count += 1)
			forms.push(await core.save(await core.refreshForm({ label: `Cold ${count}` })));
		core.wait(3_601);
	});
	afterAll(async () => {
		await core.close();
	});

	it('asks it for ten tokens at once, and nobody is left out', async () => {
		const crowd = new Crowd(10);
		const connections = core.process({ egress: crowd.egress(core.provider.tokenEndpoint) });
		const statuses = await Promise.all(
			forms.map(async (form) => await core.call(form, connections)),
		);
		expect(new Set(statuses)).toEqual(new Set([200]));
		expect(crowd.most).toBe(10);
	});
});
