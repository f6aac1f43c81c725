import { freePort, portFor } from '../../demo/harness/ports';
import { listenOnLoopback } from '../support/loopback';

describe('ports of the demo', () => {
	const lines: string[] = [];
	const run = { root: '', report: (line: string) => lines.push(line) };

	beforeEach(() => {
		lines.length = 0;
	});

	it('takes the wanted port where it is free, and says nothing', async () => {
		const wanted = await freePort();
		expect(await portFor(run, 'n8n', wanted)).toBe(wanted);
		expect(lines).toEqual([]);
	});

	it('takes another one where it is in use, and names both', async () => {
		const taken = await listenOnLoopback();
		try {
			const port = await portFor(run, 'n8n', taken.port);
			expect(port).not.toBe(taken.port);
			expect(lines).toEqual([`Port ${taken.port} is in use: n8n takes ${port}`]);
		} finally {
			await taken.close();
		}
	});
});
