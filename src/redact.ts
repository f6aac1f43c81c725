import { pipeline, Transform, type Readable } from 'node:stream';

import { ALL_WAYS, escapesAt, isEscapeSign, LONGEST_CHARACTER } from './escapes';
import { endOfMatch, FOLDED, formsOf, type SecretForm } from './secretForms';

/** What n8n's HTTP Request node puts in the place of a secret. */
export const HIDDEN = '**hidden**';

/** Bytes. What is shorter would be found everywhere: hiding it would destroy texts and tell the secret by the places. */
const SHORTEST_SECRET = 4;

/** How many characters may fit without being a secret, for each character of a text and besides: far more than occur by chance. */
const MOST_FITTING = 8;
const FITTING_BESIDES = 1000;

/** Where a secret is. */
interface Match {
	readonly start: number;
	readonly end: number;
}

/** What can be said of a text up to some place. */
interface Part {
	readonly safe: string;
	/** Where the next part begins. */
	readonly end: number;
}

const NO_FORMS: readonly SecretForm[] = [];

/** The bytes of a text in UTF-8, one character for each. */
function asBytes(text: string): string {
	return /[^\0-\x7f]/.test(text) ? Buffer.from(text).toString('latin1') : text;
}

const isBase64 = (character: string | undefined): boolean => /^[\w+/-]$/.test(character ?? '');

/**
 * Hides secrets in everything that leaves: messages, the log, output, files. They are found by value, as they are and in every encoding
 * that servers write them in: Base64 of both alphabets, also as a part of a longer text; URL and form encoding; escapes of JSON and HTML;
 * HTTP Basic (RFC 7617, RFC 6749 §2.3.1). Secrets of fewer than four bytes are not searched for.
 *
 * Takes time in proportion to the text. A text that almost fits everywhere, as only one made for that does, is hidden as a whole.
 */
export class Redactor {
	/** The forms that can begin with each byte as it is, by the byte. */
	private readonly forms: SecretForm[][];
	/** 1 for each byte with which a form can begin, as it is or escaped. */
	private readonly beginnings = new Uint8Array(256);
	private readonly longestMatch: number;

	constructor(secrets: Iterable<string | undefined>) {
		const forms = [...new Set(secrets)]
			.filter((secret) => secret !== undefined && Buffer.byteLength(secret) >= SHORTEST_SECRET)
			.flatMap((secret) => formsOf(secret ?? ''));
		this.forms = Array.from({ length: 256 }, () => []);
		for (const [byte, folded] of FOLDED.entries()) {
			for (const form of forms) if (form.bytes[0] === folded) this.forms[byte]?.push(form);
			const escaped = forms.length > 0 && isEscapeSign(byte);
			if (escaped || this.forms[byte]?.length) this.beginnings[byte] = 1;
		}
		this.longestMatch = Math.max(0, ...forms.map(({ bytes }) => bytes.length)) * LONGEST_CHARACTER;
	}

	/** The very same text if there is no secret in it. */
	text(text: string): string {
		const bytes = asBytes(text);
		const { safe } = this.hide(bytes, bytes.length);
		return safe === bytes ? text : Buffer.from(safe, 'latin1').toString();
	}

	/** The value of a JSON text, without secrets in it. @throws SyntaxError */
	json(text: string): unknown {
		const value: unknown = JSON.parse(text);
		// A text with a secret may be no JSON any more once that is hidden, so it is hidden in the value.
		return this.text(text) === text ? value : this.value(value);
	}

	/** A value of JSON: the texts, names and numbers in it. */
	value(value: unknown): unknown {
		if (typeof value === 'string') return this.text(value);
		if (typeof value === 'number') {
			const digits = String(value);
			const safe = this.text(digits);
			return safe === digits ? value : safe;
		}
		if (Array.isArray(value)) return value.map((entry) => this.value(entry));
		if (typeof value !== 'object' || value === null) return value;
		return Object.fromEntries(
			Object.entries(value).map(([name, entry]) => [this.text(name), this.value(entry)]),
		);
	}

	/** A file's content, at once or as it arrives. A stream ends with the failure of its source. */
	file(content: Buffer | Readable): Buffer | Readable {
		if (Buffer.isBuffer(content)) {
			const text = content.toString('latin1');
			const { safe } = this.hide(text, text.length);
			return safe === text ? content : Buffer.from(safe, 'latin1');
		}
		// The failure is that of the stream that is returned: nobody else waits for it.
		return pipeline(content, this.filter(), () => undefined);
	}

	/** What may be the beginning of a secret is kept until more is known. */
	private filter(): Transform {
		let kept = '';
		const take = (chunk: Buffer, most: number): Buffer => {
			const text = kept + chunk.toString('latin1');
			const { safe, end } = this.hide(text, text.length - most);
			kept = text.slice(end);
			return Buffer.from(safe, 'latin1');
		};
		return new Transform({
			transform: (chunk: Buffer, _encoding, done) => done(null, take(chunk, this.longestMatch)),
			flush: (done) => done(null, take(Buffer.alloc(0), 0)),
		});
	}

	/** Hides what begins before `limit`. */
	private hide(text: string, limit: number): Part {
		const parts: string[] = [];
		const effort = { left: MOST_FITTING * text.length + FITTING_BESIDES };
		let end = 0;
		for (let at = 0; at < limit; at += 1) {
			if (this.beginnings[text.charCodeAt(at)] !== 1) continue;
			const match = this.matchAt(text, at, effort);
			if (effort.left < 0) return { safe: HIDDEN, end: text.length };
			if (match === undefined) continue;
			parts.push(text.slice(end, Math.max(end, match.start)), HIDDEN);
			end = match.end;
			at = end - 1;
		}
		const stop = Math.max(end, limit);
		if (parts.length === 0 && stop === text.length) return { safe: text, end: stop };
		return { safe: [...parts, text.slice(end, stop)].join(''), end: stop };
	}

	/** The longest secret that begins here, with the characters beside it that hold a part of it. */
	private matchAt(text: string, at: number, effort: { left: number }): Match | undefined {
		let longest: Match | undefined;
		for (const form of this.formsAt(text, at)) {
			const end = endOfMatch(text, at, form);
			if (end < 0) effort.left += end + 1;
			else if (end > (longest?.end ?? at)) {
				longest = {
					start: form.before && isBase64(text[at - 1]) ? at - 1 : at,
					end: form.after && isBase64(text[end]) ? end + 1 : end,
				};
			}
		}
		return longest;
	}

	private formsAt(text: string, at: number): readonly SecretForm[] {
		const byte = text.charCodeAt(at);
		const forms = this.forms[byte] ?? NO_FORMS;
		// Several backslashes are one sign.
		const goesOn = text[at] === '\\' && text[at - 1] === '\\';
		if (!isEscapeSign(byte) || goesOn) return forms;
		const escaped = escapesAt(text, at, ALL_WAYS).flatMap(
			({ value }) => this.forms[value] ?? NO_FORMS,
		);
		return escaped.length > 0 ? [...forms, ...escaped] : forms;
	}
}
