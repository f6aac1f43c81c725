/** libuv does all file access and DNS look-ups of the process with four threads; this leaves two for everything else. */
const MAX_BUSY = 2;
const DEADLINE_MS = 20_000;

/** The vault's folder did not answer within the deadline, or has an earlier operation that did not. */
export class NoAnswerError extends Error {
	constructor(readonly seconds: number) {
		super('The vault folder does not answer');
	}
}

interface Operation {
	readonly secret: string;
	isOverdue: boolean;
	start(): void;
	/** Rejects what the caller waits for; what runs goes on. */
	fail(): void;
}

/**
 * Keeps a file system that hangs from taking the process with it.
 *
 * A call into a mount that hangs cannot be cancelled: it holds its thread until the mount answers. So at most two operations on
 * vaults run at once, and one per secret; the others wait, in order. An operation that is overdue keeps its place until it returns.
 * Meanwhile operations on the same secret fail at once, and so do all operations while both places are taken that way.
 *
 * Each operation must make its calls one after the other.
 */
export class VaultGate {
	private readonly waiting = new Set<Operation>();
	private readonly busy = new Set<Operation>();

	/**
	 * @param deadlineMs how long an operation may run, in milliseconds; default 20,000. The wait for others does not count: a busy disk is no
	 * outage, and what waits for one that hangs ends with it
	 */
	constructor(private readonly deadlineMs = DEADLINE_MS) {}

	/**
	 * Runs `work` as soon as there is room for it, and waits for it until its deadline.
	 *
	 * @param secret names the secret among all vaults
	 * @throws NoAnswerError, and what `work` rejects with
	 */
	async run<T>(secret: string, work: () => Promise<T>): Promise<T> {
		let timer: NodeJS.Timeout | undefined;
		try {
			return await new Promise<T>((resolve, reject) => {
				const operation: Operation = {
					secret,
					isOverdue: false,
					start: () => {
						timer = setTimeout(() => this.giveUp(operation), this.deadlineMs);
						void work()
							.then(resolve, reject)
							.finally(() => {
								this.busy.delete(operation);
								this.advance();
							});
					},
					fail: () => reject(new NoAnswerError(this.deadlineMs / 1000)),
				};
				this.waiting.add(operation);
				this.advance();
			});
		} finally {
			clearTimeout(timer);
		}
	}

	private giveUp(operation: Operation): void {
		operation.isOverdue = true;
		operation.fail();
		this.advance();
	}

	/** Starts or fails what waits, as far as it need not wait any longer. */
	private advance(): void {
		for (const operation of this.waiting) {
			const sameSecret = [...this.busy].find(({ secret }) => secret === operation.secret);
			const isFull = this.busy.size >= MAX_BUSY;
			if (sameSecret?.isOverdue || (isFull && [...this.busy].every((each) => each.isOverdue))) {
				this.waiting.delete(operation);
				operation.fail();
			} else if (!sameSecret && !isFull) {
				this.waiting.delete(operation);
				this.busy.add(operation);
				operation.start();
			}
		}
	}
}

/** The one gate of this process: the threads are shared by all vaults. */
export const processGate = new VaultGate();
