import { readFileSync } from 'node:fs';

/** Environment variables, as `process.env` has them. */
export type Environment = NodeJS.ProcessEnv;

/** A variable, or the content of the file that the variable of the same name with `_FILE` names. */
export function readVariable(env: Environment, name: string): string | undefined {
	const file = env[`${name}_FILE`];
	return env[name] ?? (file ? readText(file)?.trim() : undefined);
}

/** The entries of a list separated by commas. */
export function listed(value: string | undefined): string[] {
	return (value ?? '')
		.split(',')
		.map((entry) => entry.trim())
		.filter((entry) => entry !== '');
}

/** Without white space around it, and without one pair of quotes. */
export function unquoted(value: string | undefined): string | undefined {
	return value?.trim().replace(/^(['"])(.*)\1$/, '$2');
}

/** `undefined` for an empty text. */
export function nonEmpty(value: string | undefined): string | undefined {
	return value === '' ? undefined : value;
}

/** The file's text, or `undefined` if it cannot be read. */
export function readText(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}
