import type { BrowserContext, Page } from 'playwright-core';
import { screenshotTo, startChromium, type OwnBrowser } from './chromium';

/** Somebody who has an account at the provider, and a browser of their own: not logged in to n8n. */
export class Visitor {
	readonly #chromium: OwnBrowser;
	readonly #context: BrowserContext;
	/** What is before the visitor. */
	readonly page: Page;

	private constructor(chromium: OwnBrowser, context: BrowserContext, page: Page) {
		this.#chromium = chromium;
		this.#context = context;
		this.page = page;
	}

	static async arrive(colorScheme: 'light' | 'dark' = 'light'): Promise<Visitor> {
		const chromium = await startChromium('Chromium of a visitor');
		const viewport = { width: 900, height: 620 };
		const context = await chromium.browser.newContext({ colorScheme, viewport });
		return new Visitor(chromium, context, await context.newPage());
	}

	/** Opens a link, signs in and allows the access on the provider's own pages. */
	async consent(link: string, account = 'alex'): Promise<void> {
		await this.signIn(link, account);
		await this.page.getByRole('button', { name: 'Continue' }).click();
		await this.page.getByRole('heading', { level: 1 }).waitFor();
	}

	/** The same where nobody is at the callback address: what the address bar says then. */
	async consentInVain(link: string): Promise<string> {
		const session = await this.#context.newCDPSession(this.page);
		const answer = new Promise<string>((resolve) => {
			session.on('Fetch.requestPaused', ({ requestId, request }) => {
				resolve(request.url);
				void session.send('Fetch.failRequest', { requestId, errorReason: 'ConnectionRefused' });
			});
		});
		// Playwright's own routes do not see where a redirect leads.
		await session.send('Fetch.enable', { patterns: [{ urlPattern: '*/callback?*code=*' }] });
		await this.signIn(link);
		await this.page.getByRole('button', { name: 'Continue' }).click();
		return await answer;
	}

	/** Opens a link and signs in; where the browser stands then, before any access was allowed. */
	async signIn(link: string, account = 'alex'): Promise<void> {
		await this.page.goto(link);
		await this.page.getByPlaceholder('Enter any login').fill(account);
		await this.page.getByPlaceholder('and password').fill('any password');
		await this.page.getByRole('button', { name: 'Sign-in' }).click();
		await this.page.getByRole('button', { name: 'Continue' }).waitFor();
	}

	/** The page's headline. */
	async headline(): Promise<string> {
		return await this.page.getByRole('heading', { level: 1 }).innerText();
	}

	/** Everything the page says. */
	async text(): Promise<string> {
		return await this.page.getByRole('main').innerText();
	}

	/** The addresses the back button leads to, and this one. */
	async history(): Promise<string[]> {
		const session = await this.#context.newCDPSession(this.page);
		const { entries } = (await session.send('Page.getNavigationHistory')) as {
			entries: { url: string }[];
		};
		return entries.map(({ url }) => url);
	}

	async screenshot(name: string): Promise<void> {
		await screenshotTo(this.page, name);
	}

	async leave(): Promise<void> {
		await this.#chromium.close();
	}
}
