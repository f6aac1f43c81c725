/**
 * Text as it may stand in a message or a line of a log: on one line, since others could forge lines of a log with it, and without angle
 * brackets, since n8n's editor shows messages as HTML with links that work.
 */
export function plainText(text: string): string {
	return text
		.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
		.replaceAll('<', '‹')
		.replaceAll('>', '›')
		.trim();
}
