import { ProviderError, type VaultedOAuth2Error } from '../errors';
import type { Clock } from './clock';

const SECOND_MS = 1000;
/** The longest wait after a failure that may pass without anyone changing anything. */
const LONGEST_TEMPORARY_MS = 30_000;
/** No wait is longer than this, whatever a provider asks for. */
const LONGEST_MS = 3_600_000;
/** A store that denies something is mended outside of n8n, where nobody can press a button here. */
const LONGEST_STORE_MS = 300_000;
/** A refresh token that was refused may become good again only by a mistake of the provider. */
const RECONNECT_FIRST_MS = 600_000;
const RECONNECT_GROWTH = 6;
const REFUSAL_GROWTH = 3;

/** What a failure was met with. */
export interface Circumstances {
	/** True if a valid token serves meanwhile. */
	readonly isServed: boolean;
	/** What the failure depends on: if it changes, there is no reason to wait. */
	readonly basis: string;
	/** How often the same request was refused, by any process. Default: as often as here. */
	readonly tries?: number | undefined;
}

/** When and why not to ask: the only wait of a connection. It never stands in the way of a valid token. */
export class Gate {
	private failures = 0;
	private notBefore = -Infinity;
	private basis = '';
	private failure: VaultedOAuth2Error | undefined;

	constructor(private readonly clock: Clock) {}

	/** The last failure since a success. */
	get cause(): VaultedOAuth2Error | undefined {
		return this.failure;
	}

	/** Why it is closed at present; undefined while it is open. */
	get closedBy(): VaultedOAuth2Error | undefined {
		return this.left > 0 ? this.failure : undefined;
	}

	/** Milliseconds until it opens. */
	get left(): number {
		return Math.max(0, this.notBefore - this.clock.elapsed());
	}

	/** Closes after a failure, for longer each time. */
	close(error: VaultedOAuth2Error, { isServed, basis, tries }: Circumstances): void {
		const isSameKind = this.failure?.temporary === error.temporary;
		this.failures = tries ?? (isSameKind ? this.failures + 1 : 1);
		this.failure = error;
		this.basis = basis;
		this.notBefore = this.clock.elapsed() + waitAfter(error, this.failures, isServed);
	}

	/** Lets nobody ask for a while, though nothing has failed. */
	rest(milliseconds: number): void {
		this.notBefore = Math.max(this.notBefore, this.clock.elapsed() + milliseconds);
	}

	/** Opens after a success. */
	open(): void {
		this.failures = 0;
		this.failure = undefined;
		this.notBefore = -Infinity;
	}

	/** Opens if what the failure depended on is no longer so. */
	openIfChanged(basis: string): void {
		if (this.failure !== undefined && basis !== this.basis) this.open();
	}
}

/** Milliseconds to wait after the `failures`-th failure in a row. */
function waitAfter(error: VaultedOAuth2Error, failures: number, isServed: boolean): number {
	const asked = error instanceof ProviderError ? (error.retryAfterSeconds ?? 0) * SECOND_MS : 0;
	return Math.min(LONGEST_MS, Math.max(asked, ownWait(error, failures, isServed)));
}

function ownWait(error: VaultedOAuth2Error, failures: number, isServed: boolean): number {
	if (error.failureClass === 'reconnect')
		return RECONNECT_FIRST_MS * RECONNECT_GROWTH ** (failures - 1);
	if (!error.temporary) {
		const longest = error.failureClass === 'secretStore' ? LONGEST_STORE_MS : LONGEST_MS;
		return Math.min(longest, SECOND_MS * REFUSAL_GROWTH ** (failures - 1));
	}
	if (isServed) return LONGEST_TEMPORARY_MS;
	// One failure may be over at once.
	return failures === 1 ? 0 : Math.min(LONGEST_TEMPORARY_MS, SECOND_MS * 2 ** (failures - 2));
}
