import { ConfigurationError } from '../errors';
import { FIELD_NAMES } from './fields';

/** AWS takes 50, and this package sets some of its own. */
const MAX_TAGS = 40;
const KEY = /^[\p{L}\p{N} _.:/=+@-]{1,128}$/u;
const VALUE = /^[\p{L}\p{N} _.:/=+@-]{0,256}$/u;
/** AWS's own, and those that this package sets or goes by. */
const RESERVED = /^(aws:|vaulted-oauth2:|managed-by$|tenant$)/i;

function invalid(text: string): ConfigurationError {
	return new ConfigurationError(FIELD_NAMES.awsTags, text, { code: 'INVALID_FIELD' });
}

/** `key=value`, separated by commas or line breaks; neither is allowed in a tag. */
function readPairs(text: string): Record<string, unknown> {
	const pairs = text
		.split(/[\r\n,]+/)
		.map((pair) => pair.trim())
		.filter((pair) => pair !== '');
	return Object.fromEntries(
		pairs.map((pair) => {
			const at = pair.indexOf('=');
			return at < 0 ? [pair, undefined] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
		}),
	);
}

function readJson(text: string): Record<string, unknown> {
	try {
		return JSON.parse(text) as Record<string, unknown>;
	} catch {
		throw invalid('it begins like JSON and is none. Enter an object such as {"team": "crm"}.');
	}
}

/**
 * Reads the tags of a new secret: a JSON object of texts, or `team=crm, cost-center=42`.
 *
 * @throws ConfigurationError `INVALID_FIELD`
 */
export function parseTags(text: string): Record<string, string> {
	const tags = Object.entries(text.startsWith('{') ? readJson(text) : readPairs(text));
	if (tags.length > MAX_TAGS) throw invalid(`it has more than ${MAX_TAGS} tags. Enter fewer.`);
	const reserved = tags.find(([key]) => RESERVED.test(key));
	if (reserved !== undefined) {
		throw invalid(
			'keys that begin with aws: or vaulted-oauth2:, managed-by and tenant are taken. Choose another key.',
		);
	}
	for (const [key, value] of tags) {
		if (KEY.test(key) && typeof value === 'string' && VALUE.test(value)) continue;
		throw invalid(
			'it must be pairs such as team=crm, separated by commas, or a JSON object of texts. AWS allows letters, digits, spaces and _ . : / = + - @, 128 characters in a key and 256 in a value.',
		);
	}
	return Object.fromEntries(tags) as Record<string, string>;
}
