/** Lets the first try after a failure through at once and then waits ever longer, so that an outage is not answered with a storm. */
export class Backoff {
	private failures = 0;
	private notBefore = 0;

	constructor(
		private readonly firstMs: number,
		private readonly longestMs: number,
	) {}

	/** True while nothing should be tried. */
	waiting(now: number): boolean {
		return now < this.notBefore;
	}

	/** Milliseconds since the epoch of the next try. */
	get next(): number {
		return this.notBefore;
	}

	/** `atLeastMs`: a wait that was asked for, such as `Retry-After`. */
	failed(now: number, atLeastMs = 0): void {
		const own =
			this.failures === 0 ? 0 : Math.min(this.longestMs, this.firstMs * 2 ** (this.failures - 1));
		this.failures += 1;
		this.notBefore = now + Math.max(own, atLeastMs);
	}

	succeeded(): void {
		this.failures = 0;
		this.notBefore = 0;
	}
}
