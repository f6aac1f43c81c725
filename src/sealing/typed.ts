import type { Connection, TypedSecrets } from '../config/connection';
import { KEPT_SECRETS, neededSecrets, type KeptSecret } from '../secrets/binding';
import type { Bundle } from '../secrets/bundle';
import { sha256 } from '../secrets/pointer';

/** Secrets that were typed and are to be kept. */
export type Kept = Pick<Bundle, KeptSecret>;

/** Of what was typed, what is kept; the rest is used once. */
export function keptOf(typed: TypedSecrets): Kept {
	return Object.fromEntries(
		KEPT_SECRETS.flatMap((key) => (typed[key] === undefined ? [] : [[key, typed[key]]])),
	);
}

/** SHA-256 of every secret that was typed and is to be kept. */
export function typedDigests(typed: TypedSecrets): Bundle['typedSha256'] {
	return Object.fromEntries(
		Object.entries(keptOf(typed)).map(([key, text]) => [key, sha256(text)]),
	);
}

/** The typed values that are not what the bundle was sealed with: a refresh token typed before has been replaced by its successor since. */
export function newlyTyped(bundle: Bundle, typed: TypedSecrets): Kept {
	const digests = typedDigests(typed);
	return Object.fromEntries(
		Object.entries(keptOf(typed)).filter(
			([key]) => digests[key as KeptSecret] !== bundle.typedSha256[key as KeptSecret],
		),
	);
}

/** The secrets a connection needs and that were not typed. */
export function missing(connection: Connection, typed: TypedSecrets): KeptSecret[] {
	return neededSecrets(connection).filter((key) => typed[key] === undefined);
}

/** True if every secret was typed again, so that nothing stored is needed. An authorization response is none: it proves no knowledge of any. */
export function isComplete(connection: Connection, typed: TypedSecrets): boolean {
	return Object.keys(keptOf(typed)).length > 0 && missing(connection, typed).length === 0;
}
