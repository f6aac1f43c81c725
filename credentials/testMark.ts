import type { ICredentialDataDecryptedObject, IHttpRequestOptions } from 'n8n-workflow';

const NAME = 'x-vaulted-oauth2-test';

/** The header that tells n8n's test of a credential from a workflow's request. It never leaves n8n. */
export const TEST_MARK: Readonly<Record<string, string>> = { [NAME]: 'true' };

/** Uses of credentials that are tests: n8n may come back with the same object, and then without the mark. */
const tests = new WeakSet<ICredentialDataDecryptedObject>();

/** Removes the mark from a request, and remembers that this use of the credential is n8n's test of it. */
export function takeTestMark(
	credentials: ICredentialDataDecryptedObject,
	options: IHttpRequestOptions,
): void {
	const headers = options.headers ?? {};
	const names = Object.keys(headers).filter((name) => name.toLowerCase() === NAME);
	for (const name of names) Reflect.deleteProperty(headers, name);
	if (names.length > 0) tests.add(credentials);
}

/** True where this use of the credential is n8n's test of it. */
export function isTest(credentials: ICredentialDataDecryptedObject): boolean {
	return tests.has(credentials);
}
