import { stillRunning } from '../support/stillRunning';
import { familyOf } from '../support/processes.cjs';
import { startChromium } from './support/chromium';

describe('Chromium that hangs when it is closed', () => {
	it('is killed with all of its processes, and named', async () => {
		const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
		const { browser, pid, close } = await startChromium('Chromium of this test');
		await browser.newPage();
		const pids = familyOf(pid)().map((found) => found.pid);
		expect(pids.length).toBeGreaterThan(2);
		process.kill(pid, 'SIGSTOP');
		await close();
		expect(await stillRunning(pids)).toEqual([]);
		expect(write).toHaveBeenCalledWith('Chromium of this test did not close within 10 s: killed\n');
		expect(browser.isConnected()).toBe(false);
	});

	it('is closed as always if it does not', async () => {
		const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
		const { pid, close } = await startChromium('Chromium of this test');
		const pids = familyOf(pid)().map((found) => found.pid);
		await close();
		expect(await stillRunning(pids)).toEqual([]);
		expect(write).not.toHaveBeenCalled();
	});
});
