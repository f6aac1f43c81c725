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
function base(name: string): string | undefined {
	return name.split(/[/\\]/).at(-1)?.trim() || undefined;
}

/**
 * What a downloaded file is called: by its Content-Disposition (RFC 6266), else by the last part of its address; undefined where both say
 * nothing.
 */
export function fileNameOf(contentDisposition: unknown, url: URL): string | undefined {
	const text = typeof contentDisposition === 'string' ? contentDisposition : '';
	const extended = EXTENDED.exec(text);
	if (extended?.[1]?.toLowerCase() === 'utf-8') return base(decoded(extended[2] ?? ''));
	const plain = PLAIN.exec(text);
	const named = plain && base((plain[1] ?? plain[2] ?? '').replace(/\\(.)/g, '$1'));
	return named || base(decoded(url.pathname));
}
