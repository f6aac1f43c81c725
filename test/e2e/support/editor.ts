import { selectors, type Locator, type Page, type Response } from 'playwright-core';
import type { CredentialTest } from '../../../demo/harness/n8nRest';
import { screenshotTo, startChromium, type OwnBrowser } from './chromium';
import type { Instance } from './instance';

selectors.setTestIdAttribute('data-test-id');

/** What Save showed. */
export interface FormResult {
	/** The credential's id. */
	readonly id: string;
	/** What n8n answered to the test. */
	readonly test: CredentialTest;
}

/** n8n's editor in Chromium, with its owner logged in. */
export class Editor {
	readonly #arriving: Promise<unknown>[] = [];

	private constructor(
		private readonly chromium: OwnBrowser,
		private readonly page: Page,
		private readonly instance: Instance,
	) {}

	static async open(instance: Instance): Promise<Editor> {
		const chromium = await startChromium('Chromium of the editor');
		const page = await chromium.browser.newPage({
			baseURL: instance.n8n.url,
			viewport: { width: 1280, height: 900 },
			deviceScaleFactor: 1,
		});
		const editor = new Editor(chromium, page, instance);
		editor.#record();
		try {
			await editor.#logIn();
		} catch (error) {
			await editor.close();
			throw error;
		}
		return editor;
	}

	async close(): Promise<void> {
		await this.chromium.close(Promise.all(this.#arriving));
	}

	/** Opens the form of a new credential. */
	async newCredential(type: string): Promise<void> {
		if (await this.#form.isVisible()) await this.page.keyboard.press('Escape');
		const create = this.page.getByTestId('add-resource-credential');
		// Loading the editor anew takes seconds.
		if (await create.isVisible()) await create.click();
		else await this.page.goto('/home/credentials/create');
		await this.page.getByPlaceholder('Search for app').fill(type);
		await this.page.getByTestId('new-credential-type-select-option').getByText(type).click();
		await this.page.getByTestId('new-credential-type-button').click();
		await this.#save.waitFor();
	}

	/** Opens the form of a saved credential, which n8n then tests; its result. */
	async openCredential(id: string): Promise<FormResult> {
		return await this.#result(async () => {
			await this.page.goto(`/home/credentials/${id}`);
		});
	}

	/** Gives the credential another name than n8n's. */
	async rename(name: string): Promise<void> {
		const title = this.#form.getByTestId('credential-name');
		await title.getByTestId('inline-edit-preview').click();
		await title.getByTestId('inline-edit-input').fill(name);
		await title.getByTestId('inline-edit-input').press('Enter');
	}

	/** Types into fields, by the names of their properties. */
	async fill(values: Readonly<Record<string, unknown>>): Promise<void> {
		for (const [name, value] of Object.entries(values)) {
			await this.#field(name).fill(String(value));
		}
	}

	/** Chooses an entry of a list. */
	async choose(name: string, entry: string): Promise<void> {
		await this.#field(name).click();
		await this.page.getByRole('option', { name: entry }).click();
	}

	/** What a field holds. */
	async value(name: string): Promise<string> {
		return await this.#field(name).inputValue();
	}

	/** Presses Save, and waits until the banner shows how the test ended: a failure in its own words. */
	async save(): Promise<FormResult> {
		const result = await this.#result(async () => await this.#save.click());
		const { status, message } = result.test;
		if (status === 'OK') {
			await this.#form
				.getByText('Connection tested successfully')
				.locator('visible=true')
				.waitFor();
		} else {
			await this.#form.getByText('More details').click();
			await this.#form.getByText(message).waitFor();
		}
		return result;
	}

	/** Opens a workflow, runs it, and waits until each of so many nodes shows that it succeeded. */
	async runWorkflow(id: string, nodes: number): Promise<void> {
		await this.page.goto(`/workflow/${id}`);
		await this.page.getByTestId('execute-workflow-button').click();
		await this.page
			.getByTestId('canvas-node-status-success')
			.nth(nodes - 1)
			.waitFor();
	}

	/** Opens the log of the run, and waits until a node's output there shows the text. */
	async findInOutput(node: string, text: string): Promise<void> {
		await this.page.getByTestId('logs-overview-header').click();
		await this.page.getByTestId('logs-overview-body').getByText(node).click();
		await this.page.getByTestId('log-details').getByText(text).waitFor();
	}

	/** Takes a picture of the page, without the notices that cover it. */
	async screenshot(name: string): Promise<void> {
		const notices = this.page.locator('.el-notification__closeBtn');
		while ((await notices.count()) > 0) {
			// They also go by themselves.
			await notices
				.first()
				.click({ timeout: 1000 })
				.catch(() => undefined);
		}
		await screenshotTo(this.page, name);
	}

	get #form(): Locator {
		return this.page.getByTestId('editCredential-modal');
	}

	get #save(): Locator {
		return this.#form.getByTestId('credential-save-button');
	}

	#field(name: string): Locator {
		return this.#form.getByTestId(`parameter-input-${name}`).locator('input').first();
	}

	/** The test of a credential that `action` leads to. */
	async #result(action: () => Promise<void>): Promise<FormResult> {
		const isTest = (response: Response) => response.url().endsWith('/rest/credentials/test');
		const [response] = await Promise.all([this.page.waitForResponse(isTest), action()]);
		const { credentials } = response.request().postDataJSON() as { credentials: { id: string } };
		const { data } = (await response.json()) as { data: CredentialTest };
		return { id: credentials.id, test: data };
	}

	/** Whatever n8n sends to the browser is looked through later. */
	#record(): void {
		const { answers, n8n } = this.instance;
		this.page.on('response', (response) => {
			if (!response.url().startsWith(`${n8n.url}/rest/`)) return;
			// A page that is left takes along what has not arrived.
			const received = response.text().then(
				(text) => answers.push(text),
				() => undefined,
			);
			this.#arriving.push(received);
		});
		this.page.on('websocket', (socket) => {
			socket.on('framereceived', ({ payload }) => answers.push(payload.toString()));
		});
	}

	async #logIn(): Promise<void> {
		const { email, password } = this.instance.ownerLogin;
		await this.page.goto('/signin');
		await this.page.locator('input[autocomplete=email]').fill(email);
		await this.page.locator('input[type=password]').fill(password);
		await this.page.getByRole('button', { name: 'Sign in' }).click();
		await this.page.waitForURL('**/home/**');
	}
}
