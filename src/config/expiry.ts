import { ConfigurationError } from '../errors';
import { FIELD_NAMES, type FieldKey } from './fields';

/** A value in the body of an answer. */
export interface BodyRule {
	/** Names and indexes on the way to the value; empty: the whole text. */
	readonly path: readonly string[];
	readonly comparison: 'equals' | 'contains';
	readonly value: string;
}

/** How an API says that a token has expired. Any one of these is enough. */
export interface Expiry {
	/** Statuses that mean it. */
	readonly statusCodes: readonly number[];
	/** Whether the error `invalid_token` in WWW-Authenticate (RFC 6750 §3.1) means it, whatever the status. */
	readonly byChallenge: boolean;
	readonly bodyRule?: BodyRule;
}

/** What the fields say about it; absent: the field is empty. */
export interface ExpiryFields {
	readonly statusCodes: string | undefined;
	readonly rule: string | undefined;
	readonly path: string | undefined;
	readonly comparison: string | undefined;
	readonly value: string | undefined;
}

const MOST_CODES = 20;
const LONGEST = 256;
const STEP = /^[^\s.[\]]+$/;

function refuse(key: FieldKey, text: string, code: 'INVALID_FIELD' | 'MISSING_FIELD'): never {
	throw new ConfigurationError(FIELD_NAMES[key], text, { code });
}

function parseCodes(text: string): number[] {
	const codes = text.split(/[\s,;]+/).filter((code) => code !== '');
	if (codes.length > MOST_CODES || !codes.every((code) => /^[45]\d\d$/.test(code)))
		refuse(
			'tokenExpiredStatusCodes',
			`it must be status codes from 400 to 599, separated by commas, such as 401, 403; at most ${MOST_CODES}.`,
			'INVALID_FIELD',
		);
	return [...new Set(codes.map(Number))];
}

/** `error.code`, `errors[0].code`, `$[0].errorCode`. */
function parsePath(text: string): string[] {
	const steps = text
		.replace(/^\$\.?/, '')
		.replaceAll(/\[(\d{1,6})\]/g, '.$1')
		.replace(/^\./, '')
		.split('.');
	if (steps.length === 1 && steps[0] === '') return [];
	if (text.length > LONGEST || !steps.every((step) => STEP.test(step)))
		refuse(
			'tokenExpiredPath',
			'it must be the way to a value in the answer, such as error.code or errors[0].code.',
			'INVALID_FIELD',
		);
	return steps;
}

function parseBodyRule({ path, comparison, value }: ExpiryFields): BodyRule {
	if (value === undefined)
		refuse('tokenExpiredValue', 'it is missing. Fill it in.', 'MISSING_FIELD');
	if (value.length > LONGEST)
		refuse('tokenExpiredValue', `it is longer than ${LONGEST} characters.`, 'INVALID_FIELD');
	return {
		path: parsePath(path ?? ''),
		comparison: comparison === 'contains' ? 'contains' : 'equals',
		value,
	};
}

/** Reads how the API says that a token has expired. @throws ConfigurationError `INVALID_FIELD`, `MISSING_FIELD` */
export function parseExpiry(fields: ExpiryFields): Expiry {
	const { statusCodes = '401', rule } = fields;
	return {
		statusCodes: parseCodes(statusCodes),
		byChallenge: rule === 'challenge',
		...(rule === 'body' ? { bodyRule: parseBodyRule(fields) } : {}),
	};
}
