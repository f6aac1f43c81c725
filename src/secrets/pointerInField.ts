import { FIELD_NAMES, type CredentialFields, type FieldName } from '../config/fields';
import { ConfigurationError } from '../errors';

/** A pointer of this package as text, whosever it is: its key beside the name it goes by in the JSON. */
const POINTER = /"key":"[\w-]{43}/;
/** What the form calls its properties; n8n's own ones are not among them. */
const NAMES: Readonly<Partial<Record<string, FieldName>>> = FIELD_NAMES;

/** The text without what JSON inside JSON, or an address, puts between the characters. */
function plain(text: string): string {
	return text
		.replace(/[\\\s]+/g, '')
		.replace(/%22/g, '"')
		.replace(/%3a/gi, ':');
}

/** The key in base64, whatever comes before it: without the characters that others share. */
function base64Of(key: string): string[] {
	return [0, 1, 2].map((offset) => {
		const encoded = Buffer.from(`${'.'.repeat(offset)}${key}`).toString('base64');
		return encoded.slice(offset === 0 ? 0 : 4, -4).replaceAll('=', '');
	});
}

function keyOf(secretRef: unknown): string | undefined {
	try {
		const { key } = JSON.parse(String(secretRef)) as { key?: unknown };
		return typeof key === 'string' && key.length >= 43 ? key : undefined;
	} catch {
		return undefined;
	}
}

/** What JSON cannot hold is in no field that is sent: the parser refuses it. */
function asText(value: unknown): string {
	if (typeof value === 'string') return value;
	try {
		return typeof value === 'object' && value !== null ? JSON.stringify(value) : '';
	} catch {
		return '';
	}
}

/**
 * No field but the hidden one holds a pointer. An expression such as `{{ $self }}` can read the hidden field of its own credential; what is
 * in another field leaves n8n: as a parameter, as part of an address, in a message.
 *
 * Finds the pointer of these fields, plain, hexadecimal or in base64, and any other as JSON. An expression may disguise it in ways that nobody
 * can list: see docs/security.md.
 *
 * @param fields as n8n hands them over, after expressions were resolved
 * @throws ConfigurationError `POINTER_IN_FIELD`, naming the field
 */
export function assertNoPointer(fields: CredentialFields): void {
	const key = keyOf(fields['secretRef']);
	const forms = key === undefined ? [] : [key, Buffer.from(key).toString('hex'), ...base64Of(key)];
	for (const [name, value] of Object.entries(fields)) {
		if (name === 'secretRef') continue;
		const text = plain(asText(value));
		if (!POINTER.test(text) && !forms.some((form) => text.includes(form))) continue;
		throw new ConfigurationError(
			NAMES[name] ?? FIELD_NAMES.secretRef,
			'it contains the pointer to the sealed secrets, which is for the hidden field alone. Remove the expression that reads it, such as $self.',
			{ code: 'POINTER_IN_FIELD' },
		);
	}
}
