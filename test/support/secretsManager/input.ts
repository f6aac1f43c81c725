import { AwsError } from './awsError.ts';
import type { SecretValue } from './secret.ts';

/** The JSON object of a request. */
export type Input = Readonly<Record<string, unknown>>;

export function optionalText(input: Input, key: string): string | undefined {
	const value = input[key];
	if (value === undefined || value === null) return undefined;
	if (typeof value !== 'string')
		throw new AwsError('SerializationException', `${key} is not a string`);
	return value;
}

export function text(input: Input, key: string): string {
	const value = optionalText(input, key);
	if (value === undefined || value === '') {
		const member = key.charAt(0).toLowerCase() + key.slice(1);
		throw new AwsError(
			'ValidationException',
			`1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must not be null`,
		);
	}
	return value;
}

export function optionalNumber(input: Input, key: string): number | undefined {
	const value = input[key];
	return typeof value === 'number' ? value : undefined;
}

export function objects(input: Input, key: string): Input[] {
	const value = input[key];
	return Array.isArray(value) ? (value as Input[]) : [];
}

export function optionalTexts(input: Input, key: string): string[] | undefined {
	const value = input[key];
	return Array.isArray(value) ? value.map(String) : undefined;
}

/** SecretString or SecretBinary, never both. */
export function optionalValue(input: Input): SecretValue | undefined {
	const string = optionalText(input, 'SecretString');
	const binary = optionalText(input, 'SecretBinary');
	if (string !== undefined && binary !== undefined) {
		throw new AwsError(
			'InvalidParameterException',
			"You can't specify both a binary secret value and a string secret value in the same secret.",
		);
	}
	if (string !== undefined) return { text: string };
	return binary === undefined ? undefined : { binary };
}
