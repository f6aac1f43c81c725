/** A selector without combinators, such as `div.note#first`. Empty parts match everything. */
interface Selector {
	readonly tag: string;
	readonly id: string;
	readonly classes: readonly string[];
}

interface Element {
	readonly tag: string;
	readonly id: string;
	readonly classes: readonly string[];
	readonly start: number;
	/** Where its content begins. */
	readonly inner: number;
}

/** A piece of a page, in its order. */
type Token =
	| { readonly kind: 'text'; readonly text: string }
	| { readonly kind: 'open'; readonly element: Element }
	| { readonly kind: 'close'; readonly element: Element; readonly end: number };

const VOID = new Set(
	'area base br col embed hr img input link meta param source track wbr'.split(' '),
);
/** Their content is no markup, up to their end. */
const RAW = new Map([
	['script', /<\/script/gi],
	['style', /<\/style/gi],
	['textarea', /<\/textarea/gi],
	['title', /<\/title/gi],
]);
/** Another one of its kind ends one that is open (HTML §13.1.2.4). */
const REPEATED = new Set('dd dt li option p td th tr'.split(' '));
const INLINE = new Set(
	'a abbr b bdi bdo cite code data em font i kbd label mark q s samp small span strong sub sup time u var wbr'.split(
		' ',
	),
);
/** Never read by anybody. */
const HIDDEN = ['head', 'noscript', 'script', 'style', 'svg', 'template'];

const ENTITIES: Readonly<Record<string, string>> = {
	amp: '&',
	apos: "'",
	gt: '>',
	lt: '<',
	nbsp: ' ',
	quot: '"',
};

function decoded(text: string): string {
	return text.replace(/&(#x[\da-f]{1,6}|#\d{1,7}|[a-z]{1,6});/gi, (whole, name: string) => {
		if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole;
		const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
		return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
	});
}

function attribute(tag: string, name: 'class' | 'id'): string {
	const pattern =
		name === 'class' ? /\sclass=("[^"]*"|'[^']*'|[^\s>]+)/i : /\sid=("[^"]*"|'[^']*'|[^\s>]+)/i;
	return (pattern.exec(tag)?.[1] ?? '').replace(/^["']|["']$/g, '');
}

/** Where a tag ends; a `>` within quotes does not end it. */
function endOfTag(html: string, start: number): number {
	let quote = '';
	for (let index = start; index < html.length; index += 1) {
		const character = html.charAt(index);
		if (quote !== '') quote = character === quote ? '' : quote;
		else if (character === '>') return index + 1;
		else if ((character === '"' || character === "'") && html.charAt(index - 1) === '=')
			quote = character;
	}
	return html.length;
}

/** The elements that are open, and how often each tag is among them. */
class Open {
	private readonly elements: Element[] = [];
	private readonly counts = new Map<string, number>();

	get top(): Element | undefined {
		return this.elements.at(-1);
	}

	has(tag: string): boolean {
		return (this.counts.get(tag) ?? 0) > 0;
	}

	push(element: Element): void {
		this.elements.push(element);
		this.counts.set(element.tag, (this.counts.get(element.tag) ?? 0) + 1);
	}

	pop(): Element | undefined {
		const element = this.elements.pop();
		if (element !== undefined)
			this.counts.set(element.tag, (this.counts.get(element.tag) ?? 0) - 1);
		return element;
	}
}

function elementOf(html: string, start: number, inner: number): Element {
	const tag = html.slice(start, inner);
	return {
		tag: (/^<([a-z][^\s/>]*)/i.exec(tag)?.[1] ?? '').toLowerCase(),
		id: attribute(tag, 'id'),
		classes: attribute(tag, 'class').split(/\s+/),
		start,
		inner,
	};
}

/** Where what begins with `<!` or `<?` ends. */
function endOfDeclaration(html: string, start: number): number {
	const isComment = html.startsWith('<!--', start);
	const end = html.indexOf(isComment ? '-->' : '>', start);
	return end === -1 ? html.length : end + (isComment ? 3 : 1);
}

/** Reads a page as browsers do, roughly: what is not closed is closed by what surrounds it. Takes time in proportion to the page. */
class PageReader {
	private readonly open = new Open();
	/** Searching again for an end that is not there would take quadratic time. */
	private readonly endless = new Set<string>();
	private position = 0;

	constructor(private readonly html: string) {}

	*tokens(): Generator<Token> {
		const { html } = this;
		while (this.position < html.length) {
			const start = html.indexOf('<', this.position);
			const next = start === -1 ? html.length : start;
			if (next > this.position) yield { kind: 'text', text: html.slice(this.position, next) };
			this.position = next;
			if (start !== -1) yield* this.markup(start);
		}
		for (let element = this.open.pop(); element !== undefined; element = this.open.pop())
			yield { kind: 'close', element, end: html.length };
	}

	private *markup(start: number): Generator<Token> {
		const sign = this.html.charAt(start + 1);
		if (/[!?]/.test(sign)) {
			this.position = endOfDeclaration(this.html, start);
		} else if (/[a-z/]/i.test(sign)) {
			this.position = endOfTag(this.html, start);
			yield* sign === '/' ? this.endTag(start) : this.startTag(start);
		} else {
			this.position = start + 1;
			yield { kind: 'text', text: '<' };
		}
	}

	private *endTag(start: number): Generator<Token> {
		const name = /^[^\s>]*/.exec(this.html.slice(start + 2, this.position))?.[0] ?? '';
		const tag = name.toLowerCase();
		if (!this.open.has(tag)) return;
		for (let element = this.open.pop(); element !== undefined; element = this.open.pop()) {
			yield { kind: 'close', element, end: start };
			if (element.tag === tag) break;
		}
	}

	private *startTag(start: number): Generator<Token> {
		const element = elementOf(this.html, start, this.position);
		if (REPEATED.has(element.tag) && this.open.top?.tag === element.tag) {
			const former = this.open.pop();
			if (former !== undefined) yield { kind: 'close', element: former, end: start };
		}
		yield { kind: 'open', element };
		if (VOID.has(element.tag) || this.html.charAt(this.position - 2) === '/') {
			yield { kind: 'close', element, end: this.position };
			return;
		}
		this.open.push(element);
		yield* this.rawText(element);
	}

	private *rawText({ tag }: Element): Generator<Token> {
		const pattern = RAW.get(tag);
		if (pattern === undefined || this.endless.has(tag)) return;
		pattern.lastIndex = this.position;
		const end = pattern.exec(this.html)?.index;
		if (end === undefined) {
			this.endless.add(tag);
			return;
		}
		yield { kind: 'text', text: this.html.slice(this.position, end) };
		this.position = end;
	}
}

const tokens = (html: string): Generator<Token> => new PageReader(html).tokens();

/** `*`, `div`, `.note`, `#first`, or these together. */
const COMPOUND = /^(\*|[a-z][\w-]*)?((?:[.#][\w-]+)*)$/i;

/** Reads a list of selectors; undefined for one that has combinators, attributes or pseudo-classes. */
export function parseSelectors(text: string): Selector[] | undefined {
	const selectors: Selector[] = [];
	for (const part of text.split(',').map((entry) => entry.trim())) {
		if (part === '') continue;
		const [, tag = '', rest = ''] = COMPOUND.exec(part) ?? [];
		if (tag === '' && rest === '') return undefined;
		const names = rest.split(/(?=[.#])/).filter((name) => name !== '');
		selectors.push({
			tag: tag === '*' ? '' : tag.toLowerCase(),
			id: names.find((name) => name.startsWith('#'))?.slice(1) ?? '',
			classes: names.filter((name) => name.startsWith('.')).map((name) => name.slice(1)),
		});
	}
	return selectors;
}

function matches({ tag, id, classes }: Element, selectors: readonly Selector[]): boolean {
	return selectors.some(
		(selector) =>
			(selector.tag === '' || selector.tag === tag) &&
			(selector.id === '' || selector.id === id) &&
			selector.classes.every((name) => classes.includes(name)),
	);
}

/** The content of every element that a selector names, in their order; of elements within each other the outermost. */
export function selectHtml(html: string, selectors: readonly Selector[]): string[] {
	const found: string[] = [];
	let outer: Element | undefined;
	for (const token of tokens(html)) {
		if (token.kind === 'open' && outer === undefined && matches(token.element, selectors))
			outer = token.element;
		if (token.kind === 'close' && token.element === outer) {
			found.push(html.slice(outer.inner, token.end));
			outer = undefined;
		}
	}
	return found;
}

/** The text of a page, a line for each block, without what nobody reads and without the elements in `omitted`. */
export function htmlText(html: string, omitted: readonly Selector[] = []): string {
	const left = [...(parseSelectors(HIDDEN.join(',')) ?? []), ...omitted];
	let skipped: Element | undefined;
	const parts: string[] = [];
	for (const token of tokens(html)) {
		if (token.kind === 'text') {
			if (skipped === undefined) parts.push(decoded(token.text).replace(/\s+/g, ' '));
			continue;
		}
		const { element } = token;
		if (skipped === undefined && !INLINE.has(element.tag)) parts.push('\n');
		if (token.kind === 'open' && skipped === undefined && matches(element, left)) skipped = element;
		if (token.kind === 'close' && element === skipped) skipped = undefined;
	}
	return parts
		.join('')
		.split('\n')
		.map((line) => line.trim())
		.filter((line) => line !== '')
		.join('\n');
}
