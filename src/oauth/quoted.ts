import { plainText } from '../plainText';
import type { Redactor } from '../redact';
import type { OAuthErrorBody } from './tokenResponse';

const LONGEST = 200;

/** A provider's words, fit for a message: without secrets, on one line, shortened. */
export function quoted(text: string, redactor?: Redactor): string {
	const line = plainText(redactor?.text(text) ?? text);
	return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** A provider's error, fit for a message. */
export function quotedError(
	{ error, description = '' }: OAuthErrorBody,
	redactor?: Redactor,
): string {
	return quoted(description === '' ? error : `${error}: ${description}`, redactor);
}
