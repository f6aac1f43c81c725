/** What errors of this package show, as far as tests look at it. */
export interface Failure extends Error {
	readonly failureClass: string;
	readonly code: string;
	/** Only of a ConfigurationError. */
	readonly field?: string;
}

/** What a promise rejects with. @throws Error where it does not */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
	try {
		await promise;
	} catch (error) {
		return error as Failure;
	}
	throw new Error('it succeeded');
}

/** What a function throws. @throws Error if it does not */
export function thrownBy(act: () => unknown): Failure {
	try {
		act();
	} catch (error) {
		return error as Failure;
	}
	throw new Error('it succeeded');
}
