/** One task at a time, shared by all who ask while it runs. A failure clears it. */
export class SingleFlight<T> {
	private flight: Promise<T> | undefined;
	private queued: Promise<T> | undefined;

	/** The task that runs; undefined while none does. */
	get running(): Promise<T> | undefined {
		return this.flight;
	}

	/** Joins the task that runs, else starts one. */
	join(start: () => Promise<T>): Promise<T> {
		return this.flight ?? this.begin(start);
	}

	/** Starts a task once the one that runs has ended. All who ask before it starts share it. */
	next(start: () => Promise<T>): Promise<T> {
		if (this.flight === undefined) return this.begin(start);
		this.queued ??= this.afterRunning(start);
		return this.queued;
	}

	private async afterRunning(start: () => Promise<T>): Promise<T> {
		await this.flight?.catch(() => undefined);
		this.queued = undefined;
		return await this.begin(start);
	}

	private begin(start: () => Promise<T>): Promise<T> {
		const flight = start().finally(() => {
			if (this.flight === flight) this.flight = undefined;
		});
		this.flight = flight;
		return flight;
	}
}
