import type { Outcome } from './outcome';

const ENTITIES: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};

function escape(text: string): string {
	return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

// Contrast: all texts 7:1 and more on their backgrounds, light and dark (WCAG 2.2, 1.4.6).
const STYLE = `
:root { color-scheme: light dark; --text: #1f2430; --muted: #4a5162; --page: #f3f4f7; --card: #fff; --line: #c9cdd8; --mark: #096234; }
.refused { --mark: #9b1c1c; }
@media (prefers-color-scheme: dark) {
	:root { --text: #eceef4; --muted: #bcc2d0; --page: #15171d; --card: #20232c; --line: #454b5c; --mark: #6fdc9f; }
	.refused { --mark: #ffb4ab; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--page); color: var(--text); font: 1rem/1.6 system-ui, sans-serif; }
main { width: 100%; max-width: 34rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--mark); border-radius: 8px; overflow-wrap: anywhere; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.3; color: var(--mark); }
p { margin: 0 0 1rem; }
p:last-child { margin: 0; }
dl { margin: 0 0 1rem; }
dt { color: var(--muted); font-size: .875rem; }
dd { margin: 0 0 .75rem; }
ul { margin: 0; padding-left: 1.25rem; }
code { font: .9375rem/1.6 ui-monospace, monospace; }`;

function details({ label, scopes }: Outcome): string {
	if (label === undefined) return '';
	const allowed = (scopes ?? []).map((scope) => `<li><code>${escape(scope)}</code></li>`).join('');
	return `<dl><dt>Connection</dt><dd>${escape(label)}</dd>${allowed === '' ? '' : `<dt>Allowed</dt><dd><ul>${allowed}</ul></dd>`}</dl>`;
}

/**
 * The page a person sees: plain HTML that runs no script and loads nothing. Every text is shown as text.
 *
 * @param nonce allows the page's own style (Content Security Policy Level 3)
 */
export function renderPage(outcome: Outcome, nonce: string): string {
	const { headline, text, status } = outcome;
	const paragraphs = text.map((paragraph) => `<p>${escape(paragraph)}</p>`).join('\n');
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escape(headline)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body${status === 200 ? '' : ' class="refused"'}>
<main>
<h1>${escape(headline)}</h1>
${details(outcome)}
${paragraphs}
</main>
</body>
</html>
`;
}

/** The headers the page goes with: nothing runs, nothing is loaded, nothing is told to other sites, nothing is kept. */
export function pageHeaders(nonce: string): Record<string, string> {
	return {
		...PRIVATE,
		'Content-Type': 'text/html; charset=utf-8',
		'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox`,
		'X-Content-Type-Options': 'nosniff',
	};
}

/** For every answer: it is this person's alone, and no other site learns where it came from. */
export const PRIVATE: Readonly<Record<string, string>> = {
	'Cache-Control': 'no-store',
	'Referrer-Policy': 'no-referrer',
};
