/** What n8n's HTTP Request node puts in the place of a secret. */
const HIDDEN = '**hidden**';

/** The text without the secrets, also where they are written as in JSON: an API may say in its answer what it was sent. */
export function redacted(text: string, secrets: readonly string[]): string {
	return secrets.reduce((safe, secret) => {
		const json = JSON.stringify(secret).slice(1, -1);
		return safe
			.replaceAll(secret, HIDDEN)
			.replaceAll(json, HIDDEN)
			.replaceAll(json.replaceAll('/', '\\/'), HIDDEN);
	}, text);
}
