import type { Redactor } from '../../../../src';

/** RFC 6266 `filename*`, which goes before `filename`. */
const EXTENDED = /filename\*\s*=\s*([\w-]+)'[^']*'([^;\s]+)/i;
const PLAIN = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i;

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** The last part, whatever separates it: a name must not lead into other folders. */
function lastPart(name: string): string | undefined {
	return name.split(/[/\\]/).at(-1)?.trim() || undefined;
}

/**
 * What a downloaded file is called: by its Content-Disposition (RFC 6266), else by the last part of its address; undefined if both say
 * nothing.
 *
 * @param redactor hides secrets before a part of the name is taken: that could be a part of a secret
 */
export function fileNameOf(
	contentDisposition: unknown,
	url: URL,
	redactor: Pick<Redactor, 'text'>,
): string | undefined {
	const base = (name: string): string | undefined => lastPart(redactor.text(name));
	const text = typeof contentDisposition === 'string' ? contentDisposition : '';
	const extended = EXTENDED.exec(text);
	if (extended?.[1]?.toLowerCase() === 'utf-8') return base(decoded(extended[2] ?? ''));
	const plain = PLAIN.exec(text);
	const named = plain && base((plain[1] ?? plain[2] ?? '').replace(/\\(.)/g, '$1'));
	return named || base(decoded(url.pathname));
}
