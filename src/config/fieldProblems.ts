import type { ErrorObject } from 'ajv';

import { ConfigurationError } from '../errors';
import { FIELD_NAMES, type FieldKey } from './fields';

const RULES: Partial<Record<FieldKey, string>> = {
	label: 'is at most 128 characters long',
	privateKey: 'is at most 32,768 characters long',
	scope: 'is a list of scope names separated by spaces',
	resource: 'is a list of absolute addresses without "#", separated by spaces',
	tenantId:
		'is made of letters, digits, ".", "_" and "-", starts with a letter or digit and has at most 64 characters',
	refreshBufferSeconds: 'is a whole number of seconds from 0 to 86400; 300 is usual',
	defaultLifetimeSeconds:
		'is a whole number of seconds from 0 to 31536000; 0 means "use until refused"',
	awsRegion: 'is the name of an AWS region such as eu-central-1',
	awsRoleArn: 'is the ARN of a role, such as arn:aws:iam::123456789012:role/n8n',
	awsSessionName: 'has 2 to 64 letters, digits and _=,.@-; {tenantId} stands for the Tenant ID',
	awsSourceIdentity: 'has 2 to 64 letters, digits and _=,.@-',
	awsKmsKeyId: 'is the ID, ARN or alias of a KMS key, such as alias/n8n-secrets',
	secretName: 'is made of letters, digits and /_+=.@-',
};

const CHOICES: Partial<Record<FieldKey, string>> = {
	clientSecretSource:
		'A reference needs AWS Secrets Manager as Secret Store; with the local vault the client secret is entered.',
};

interface Problem {
	readonly field: FieldKey;
	readonly text: string;
	readonly code: 'MISSING_FIELD' | 'INVALID_FIELD';
}

function describe(error: ErrorObject): Problem | undefined {
	if (error.keyword === 'required') {
		const field = (error.params as { missingProperty: FieldKey }).missingProperty;
		// The two halves of "Token URL or Issuer URL" and the conditions of `if` are reported once, by the anyOf below.
		if (error.schemaPath.includes('/anyOf/')) return undefined;
		return { field, text: 'it is missing. Fill it in.', code: 'MISSING_FIELD' };
	}
	if (error.keyword === 'anyOf') {
		const [choice] = error.schema as { required: FieldKey[] }[];
		return {
			field: choice?.required[0] ?? 'tokenUrl',
			text: 'it is missing. Fill it in, or fill in Issuer URL where the provider supports discovery.',
			code: 'MISSING_FIELD',
		};
	}
	const field = error.instancePath.slice(1) as FieldKey;
	if (!(field in FIELD_NAMES)) return undefined;
	if (error.keyword === 'format') {
		return {
			field,
			text: 'it must be an https:// address (http:// only to this machine itself), without user name, password or "#".',
			code: 'INVALID_FIELD',
		};
	}
	if (error.keyword === 'enum' || error.keyword === 'const') {
		return {
			field,
			text: `choose one of the form's values. ${CHOICES[field] ?? ''}`.trim(),
			code: 'INVALID_FIELD',
		};
	}
	return {
		field,
		text: `it ${RULES[field] ?? 'has a value that cannot be used'}.`,
		code: 'INVALID_FIELD',
	};
}

/** Tells what is wrong with the fields: the first problem by its field, the others after it. @throws ConfigurationError always */
export function failFor(errors: readonly ErrorObject[]): never {
	const problems = errors.map(describe).filter((problem) => problem !== undefined);
	const [first, ...others] = problems;
	if (first === undefined) {
		throw new ConfigurationError(FIELD_NAMES.label, 'the fields do not fit together.', {
			code: 'INVALID_FIELD',
		});
	}
	const more = others
		.filter((other, index) => others.findIndex(({ field }) => field === other.field) === index)
		.filter(({ field }) => field !== first.field)
		.map(({ field, text }) => ` ${FIELD_NAMES[field]}: ${text}`);
	throw new ConfigurationError(FIELD_NAMES[first.field], `${first.text}${more.join('')}`, {
		code: first.code,
	});
}
