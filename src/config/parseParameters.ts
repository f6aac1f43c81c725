import { ConfigurationError } from '../errors';
import { FIELD_NAMES } from './fields';
import { parametersSchema } from './schema';
import { validator } from './validators';

/** The fields that take further parameters of a request. */
export type ParametersField = 'tokenParameters' | 'authorizationParameters';

/** Parameters that this package sets itself, by the request they belong to. */
const OWN: Record<ParametersField, readonly string[]> = {
	tokenParameters: [
		'grant_type',
		'client_id',
		'client_secret',
		'client_assertion',
		'client_assertion_type',
		'refresh_token',
		'scope',
		'code',
		'code_verifier',
		'redirect_uri',
	],
	authorizationParameters: [
		'response_type',
		'response_mode',
		'client_id',
		'client_secret',
		'redirect_uri',
		'scope',
		'state',
		'nonce',
		'code_challenge',
		'code_challenge_method',
		'dpop_jkt',
		'request',
		'request_uri',
	],
};

function invalid(field: ParametersField, text: string): ConfigurationError {
	return new ConfigurationError(FIELD_NAMES[field], text, { code: 'INVALID_FIELD' });
}

/** `audience=x&prompt=consent`, or one pair a line, as people copy them from documentation. */
function readPairs(text: string): Record<string, string> | undefined {
	const pairs = text
		.split(/[\r\n&]+/)
		.map((pair) => pair.trim())
		.filter((pair) => pair !== '');
	if (pairs.some((pair) => !/^[\w.~-]+=/.test(pair))) return undefined;
	return Object.fromEntries(new URLSearchParams(pairs.join('&')));
}

/**
 * Reads further parameters of a request (RFC 6749 §8.2): a JSON object, or pairs such as `audience=x&prompt=consent`.
 *
 * @throws ConfigurationError `INVALID_FIELD`
 */
export async function parseParameters(
	field: ParametersField,
	value: unknown,
): Promise<Record<string, string>> {
	if (value === undefined || value === null || value === '') return {};
	let parsed: unknown = value;
	if (typeof value === 'string') {
		try {
			parsed = JSON.parse(value);
		} catch {
			parsed = readPairs(value);
		}
		if (parsed === undefined) {
			throw invalid(
				field,
				'it is neither JSON nor a list of pairs. Enter an object such as {"audience": "https://api.example.com"}, or audience=https://api.example.com.',
			);
		}
	}
	const validate = await validator(field, () => parametersSchema(OWN[field]));
	if (!validate(parsed)) {
		throw invalid(
			field,
			`it must be a JSON object of texts, without the parameters that this package sets itself (${OWN[field].join(', ')}).`,
		);
	}
	return parsed as Record<string, string>;
}
