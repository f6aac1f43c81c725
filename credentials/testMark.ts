import type { ICredentialDataDecryptedObject, IHttpRequestOptions } from 'n8n-workflow';

const NAME = 'vaultedOAuth2Test';
const MARK = Symbol(NAME);

/**
 * The option that tells n8n's test of a credential from a workflow's request. n8n hands the very symbol from the credential type to
 * `authenticate`. Nobody else can: it is in no JSON, so neither what n8n's editor is told of the type nor a workflow can hold it.
 */
export const TEST_MARK = { [NAME]: MARK };

/** Uses of credentials that are tests: n8n may come back with the same object, and then without the mark. */
const tests = new WeakSet<ICredentialDataDecryptedObject>();

/** Removes the mark from a request, and remembers that this use of the credential is n8n's test of it. */
export function takeTestMark(
	credentials: ICredentialDataDecryptedObject,
	options: IHttpRequestOptions & { [NAME]?: unknown },
): void {
	if (!(NAME in options)) return;
	const { [NAME]: mark } = options;
	Reflect.deleteProperty(options, NAME);
	if (mark === MARK) tests.add(credentials);
}

/** True where this use of the credential is n8n's test of it. */
export function isTest(credentials: ICredentialDataDecryptedObject): boolean {
	return tests.has(credentials);
}
