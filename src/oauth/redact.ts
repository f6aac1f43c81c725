const LONGEST = 200;

/**
 * A provider's words, fit for an error message: without any of the given secrets (nor their URL or Base64 forms), on one line, shortened.
 */
export function redact(text: string, secrets: readonly (string | undefined)[]): string {
	let result = text;
	for (const secret of secrets) {
		if (secret === undefined || secret === '') continue;
		for (const form of [
			secret,
			encodeURIComponent(secret),
			Buffer.from(secret).toString('base64'),
		]) {
			result = result.replaceAll(form, '[hidden]');
		}
	}
	// Line breaks and control characters would let a provider forge log lines.
	const line = result.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
	return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
