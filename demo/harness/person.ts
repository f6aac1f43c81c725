/** Cookies of one browser, by host and path; enough for the pages a person meets on the way to consent. */
class Cookies {
	readonly #kept = new Map<string, { value: string; host: string; path: string }>();

	take(url: URL, response: Response): void {
		for (const line of response.headers.getSetCookie()) {
			const [pair = '', ...attributes] = line.split(/;\s*/);
			const [name = '', ...value] = pair.split('=');
			const read = (attribute: string): string | undefined =>
				attributes
					.find((text) => text.toLowerCase().startsWith(`${attribute}=`))
					?.slice(attribute.length + 1);
			const path = read('path') ?? '/';
			const key = `${url.host} ${path} ${name}`;
			const gone = value.join('=') === '' || read('max-age') === '0';
			if (gone) this.#kept.delete(key);
			else this.#kept.set(key, { value: `${name}=${value.join('=')}`, host: url.host, path });
		}
	}

	header(url: URL): string {
		return [...this.#kept.values()]
			.filter(({ host, path }) => host === url.host && url.pathname.startsWith(path))
			.map(({ value }) => value)
			.join('; ');
	}
}

/** Where a person has arrived. */
export interface Page {
	readonly url: URL;
	readonly status: number;
	readonly text: string;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function decode(text: string): string {
	return text.replace(/&(amp|lt|gt|quot|#39);/g, (_match, name: string) => ENTITIES[name] ?? '');
}

function attribute(tag: string, name: string): string | undefined {
	const match = new RegExp(`\\s${name}=(?:"([^"]*)"|'([^']*)')`, 'i').exec(tag);
	const value = match?.[1] ?? match?.[2];
	return value === undefined ? undefined : decode(value);
}

/** The page's only form: where it is sent, and its hidden fields. */
export function formOf({ text, url }: Page): { action: URL; fields: URLSearchParams } {
	const form = /<form\s[^>]*>/i.exec(text)?.[0];
	if (form === undefined) throw new Error(`No form at ${url.origin}${url.pathname}`);
	const fields = new URLSearchParams();
	for (const [tag] of text.matchAll(/<input\s[^>]*>/gi)) {
		if (attribute(tag, 'type') !== 'hidden') continue;
		fields.set(attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '');
	}
	return { action: new URL(attribute(form, 'action') ?? '', url), fields };
}

/**
 * A person at a browser without a screen: follows redirects, keeps cookies, fills in the forms of login and consent pages. For runs where no
 * browser is installed; what a person sees is tested in a real one.
 */
export class Person {
	/** Every address visited, in order. */
	readonly visited: string[] = [];
	readonly #cookies = new Cookies();
	readonly #stopAt: (url: URL) => boolean;

	/** @param stopAt an address from which on redirects are not followed: nobody is there */
	constructor(stopAt: (url: URL) => boolean = () => false) {
		this.#stopAt = stopAt;
	}

	/** Opens an address, or sends a form to it, and follows where that leads. */
	async open(address: string | URL, form?: URLSearchParams): Promise<Page> {
		let url = new URL(address);
		let body = form;
		for (let step = 0; step < 20; step += 1) {
			this.visited.push(url.href);
			if (this.#stopAt(url)) return { url, status: 0, text: '' };
			const cookie = this.#cookies.header(url);
			const response = await fetch(url, {
				...(body === undefined ? {} : { method: 'POST', body }),
				redirect: 'manual',
				headers: cookie === '' ? {} : { cookie },
			});
			this.#cookies.take(url, response);
			const location = response.headers.get('location');
			if (location === null) return { url, status: response.status, text: await response.text() };
			await response.body?.cancel();
			url = new URL(location, url);
			body = undefined;
		}
		throw new Error(`More than 20 redirects, the last to ${url.origin}`);
	}

	/** Fills in and sends the page's only form; hidden fields as they are. */
	async submit(page: Page, values: Readonly<Record<string, string>> = {}): Promise<Page> {
		const { action, fields } = formOf(page);
		for (const [name, value] of Object.entries(values)) fields.set(name, value);
		return await this.open(action, fields);
	}

	/** Signs in and consents on the pages of `oidc-provider`, from a link to wherever that leads. */
	async consent(link: string, account = 'alex'): Promise<Page> {
		let page = await this.open(link);
		for (let step = 0; step < 4 && page.text.includes('name="prompt"'); step += 1) {
			const isLogin = page.text.includes('value="login"');
			page = await this.submit(page, isLogin ? { login: account, password: 'any' } : {});
		}
		return page;
	}
}
