import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { RUN } from './instance';

export const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];

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
