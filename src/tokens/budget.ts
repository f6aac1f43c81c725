const DAY_MS = 86_400_000;

/**
 * How many new versions of a secret may still be written that could as well be left out. It fills evenly over the day and holds a few
 * in stock, so that a connection's first tokens are stored at once.
 */
export class VersionBudget {
	private stock: number;
	private filledAt: number | undefined;
	private newest: string | undefined;

	/** @param versionsPerDay what the store can take, or undefined for no limit */
	constructor(
		private readonly versionsPerDay: number | undefined,
		private readonly largestStock = 10,
	) {
		this.stock = largestStock;
	}

	/** Takes one version out of the stock where there is one. */
	take(now: number): boolean {
		if (this.versionsPerDay === undefined) return true;
		this.fill(now, this.versionsPerDay);
		if (this.stock < 1) return false;
		this.stock -= 1;
		return true;
	}

	/** This process has written this version. */
	wrote(versionId: string | undefined): void {
		this.newest = versionId;
	}

	/** This process has read this version. One that it did not write itself comes out of the same stock: the secret is shared. */
	saw(versionId: string | undefined, now: number): void {
		if (this.versionsPerDay === undefined || versionId === this.newest) return;
		this.fill(now, this.versionsPerDay);
		if (this.newest !== undefined) this.stock = Math.max(0, this.stock - 1);
		this.newest = versionId;
	}

	private fill(now: number, versionsPerDay: number): void {
		const elapsed = Math.max(0, now - (this.filledAt ?? now));
		// What was in stock at first counts as well: no 24 hours see more than the store takes.
		const refill = Math.max(versionsPerDay / 2, versionsPerDay - this.largestStock);
		this.stock = Math.min(this.largestStock, this.stock + (elapsed / DAY_MS) * refill);
		this.filledAt = now;
	}
}
