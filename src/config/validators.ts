import type { SchemaObject, ValidateFunction } from 'ajv';

import { SECURE_URL } from './schema';
import { isSecureUrl } from './secureUrl';

const compiled = new Map<string, Promise<ValidateFunction>>();

async function compile(schema: SchemaObject): Promise<ValidateFunction> {
	const { Ajv } = await import('ajv');
	const ajv = new Ajv({
		allErrors: true,
		coerceTypes: true,
		strictRequired: false,
		strictTypes: false,
		verbose: true,
	});
	ajv.addFormat(SECURE_URL, isSecureUrl);
	return ajv.compile(schema);
}

/** The validator of a schema, compiled on first use. `verbose`, but what it reports never leaves this folder: it holds the values. */
export function validator(key: string, schema: () => SchemaObject): Promise<ValidateFunction> {
	let pending = compiled.get(key);
	if (pending === undefined) {
		pending = compile(schema());
		compiled.set(key, pending);
	}
	return pending;
}
