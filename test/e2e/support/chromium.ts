import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { ended } from '../../support/ended';
import { killFamily } from '../../support/processes.cjs';
import { RUN } from './instance';

const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];

/** A browser of its own. */
export interface OwnBrowser {
	readonly browser: Browser;
	/** Its process. */
	readonly pid: number;
	/**
	 * Closes the browser after what still has to happen in it. Kills it if that takes too long, and never rejects.
	 *
	 * @param before what has to happen first
	 */
	close(before?: Promise<unknown>): Promise<void>;
}

/** The number of the browser's process: Playwright tells it only of browsers that it serves to others. */
async function pidOf(browser: Browser): Promise<number> {
	const session = await browser.newBrowserCDPSession();
	const { processInfo } = await session.send('SystemInfo.getProcessInfo');
	await session.detach();
	const found = processInfo.find(({ type }) => type === 'browser');
	if (found === undefined) throw new Error('Chromium does not tell its process');
	return found.id;
}

/**
 * Starts Chromium without a window.
 *
 * @param name what it is called on standard error if it has to be killed
 */
export async function startChromium(name: string): Promise<OwnBrowser> {
	const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
	const pid = await pidOf(browser);
	const close = async (before?: Promise<unknown>): Promise<void> => {
		await ended(
			name,
			async () => {
				await before;
				await browser.close();
			},
			{ kill: () => killFamily(pid) },
		);
	};
	return { browser, pid, close };
}

/** Those of the documentation are replaced only where that is asked for. */
const SCREENSHOTS =
	process.env['UPDATE_SCREENSHOTS'] === '1'
		? join(RUN.root, 'docs', 'images')
		: join(RUN.root, '.cache', 'e2e', 'screenshots');

/** Takes a picture of what is to be seen. */
export async function screenshotTo(page: Page, name: string): Promise<void> {
	mkdirSync(SCREENSHOTS, { recursive: true });
	await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: 'disabled' });
}
