import { EgressError } from '../../../src/http/egress';

/** What a promise is rejected with, which has to be an {@link EgressError}. */
export async function egressErrorOf(promise: Promise<unknown>): Promise<EgressError> {
	const reason: unknown = await promise.then(
		() => undefined,
		(error: unknown) => error,
	);
	expect(reason).toBeInstanceOf(EgressError);
	return reason as EgressError;
}
