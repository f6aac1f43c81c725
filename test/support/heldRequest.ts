/** A token request that has arrived at the provider and is not acted upon before `answer` is called: `wait` is for `injectFault`. */
export interface HeldRequest {
	readonly arrived: Promise<void>;
	readonly wait: Promise<void>;
	answer(): void;
}

export function heldRequest(): HeldRequest {
	let answer: () => void = () => undefined;
	let arrive: () => void = () => undefined;
	const arrived = new Promise<void>((resolve) => (arrive = resolve));
	const answered = new Promise<void>((resolve) => (answer = resolve));
	// The provider begins to wait when the request has arrived.
	const wait = {
		then: (resolve: () => void) => {
			arrive();
			return answered.then(resolve);
		},
	} as Promise<void>;
	return { arrived, wait, answer: () => answer() };
}
