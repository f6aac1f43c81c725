import { SecretStoreError, type SecretStoreCode } from '../../errors';

/** `undefined` if the promise is rejected with one of these codes; any other rejection passes. */
export async function unless<T>(
	codes: readonly SecretStoreCode[],
	promise: Promise<T>,
): Promise<T | undefined> {
	try {
		return await promise;
	} catch (error) {
		if (error instanceof SecretStoreError && codes.includes(error.code)) return undefined;
		throw error;
	}
}
