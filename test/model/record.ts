import { VaultedOAuth2Error } from '../../src/errors';
import type { Family, Redemption, RotatingProvider } from './rotatingProvider';
import type { ModelProcess } from './modelProcess';
import type { SharedStore } from './sharedStore';

/** What the connection is to use since a person, or an administrator, put it there. */
interface Act {
	readonly family: Family;
	readonly begun: number;
	ended?: number;
	isDone?: boolean;
}

/** What the store must hold, as far as it is not tokens. */
interface Truth {
	notes: string[];
}

/** The JSON of a bundle, as far as the model looks into it. */
export interface BundleJson {
	client_secret?: string;
	refresh_token?: string;
	token?: unknown;
	generation: number;
	issued_sha256?: string;
	lease?: { owner: string };
	[key: string]: unknown;
}

/** A lease has at least this much left when a token request is sent; in milliseconds. */
const LEASE_LEFT_MS = 45_000;
const CLASSES: readonly string[] = ['reconnect', 'configuration', 'provider', 'secretStore'];

/** A bundle's JSON. */
export function asJson(content: string): BundleJson {
	return JSON.parse(content) as BundleJson;
}

/** The keys that administrators added. */
function notesOf(json: BundleJson): string[] {
	return Object.keys(json).filter((key) => key.startsWith('note'));
}

/** What has happened so far, and what of it must not have. */
export class WorldRecord {
	readonly violations: string[] = [];
	/** What happened in the order of time, for whoever reads a counterexample. */
	readonly log: string[] = [];
	private readonly acts: Act[] = [];
	private readonly stored = new Set<string>();
	private readonly typedSecrets = new Set<string>();
	/** More than one if two people changed it at once. */
	private readonly rightSecrets = new Set<string | undefined>(['cs-0']);
	private readonly truth: Truth = { notes: [] };
	private tick = 0;
	/** Versions in a row that administrators wrote. */
	private edits = 0;
	/** Documented: what administrators replaced twice in a row is out of the store's sight: who has the lease, and the newest refresh token. */
	private isEditedTwice = false;
	private isLostByHand = false;
	/** Documented: the process that overwrote an edit died before it put it back. */
	private overwriting: ModelProcess | undefined;

	constructor(
		private readonly store: SharedStore,
		private readonly process: (id: number) => ModelProcess,
	) {}

	violated(text: string): void {
		if (this.violations.includes(text)) return;
		this.log.push(`VIOLATED: ${text}`);
		this.violations.push(text);
	}

	/** A person begins to give the connection other tokens. */
	begin(family: Family): Act {
		this.tick += 1;
		const act = { family, begun: this.tick };
		this.acts.push(act);
		return act;
	}

	end(act: Act, isDone: boolean): void {
		this.tick += 1;
		Object.assign(act, { ended: this.tick, isDone });
	}

	typed(clientSecret: string): void {
		this.typedSecrets.add(clientSecret);
	}

	/** The families that the connection may belong to at present. */
	families(): Family[] {
		return this.acts
			.filter(
				({ ended = Infinity, isDone }) =>
					isDone !== false && !this.acts.some((other) => other.isDone && other.begun > ended),
			)
			.concat(this.acts.filter(({ isDone }) => isDone === false))
			.map(({ family }) => family);
	}

	/** A version that an engine wrote instead of `base`. */
	wrote(process: ModelProcess, base: string, replaced: string | undefined): void {
		const json = this.keep();
		this.edits = 0;
		const before = asJson(base);
		const secret = json.client_secret;
		if (secret !== before.client_secret && secret !== undefined && this.typedSecrets.has(secret)) {
			if (replaced === undefined) this.rightSecrets.clear();
			this.rightSecrets.add(secret);
		}
		// Two people at once: whichever comes out on top.
		if (replaced !== undefined) this.rightSecrets.add(asJson(replaced).client_secret);
		if (replaced !== undefined) this.overwriting = process;
		else if (this.overwriting === process) this.overwriting = undefined;
	}

	/** A version that an administrator wrote. */
	edited(): void {
		const json = this.keep();
		this.edits += 1;
		if (this.edits > 1) this.isEditedTwice = true;
		this.truth.notes = notesOf(json);
		// An edit before it was overwritten and is about to be put back: this one did not see it, so both are right.
		if (this.overwriting === undefined) this.rightSecrets.clear();
		this.rightSecrets.add(json.client_secret);
		const isLost = ({ newest }: Family): boolean =>
			this.stored.has(newest) && !this.isVisible(newest);
		if (this.families().every(isLost)) this.isLostByHand = true;
	}

	/** The second redemption of a refresh token: outside the documented windows it must not happen. */
	reused(refreshToken: string, first: Redemption, { by, now }: { by: number; now: number }): void {
		const holder = this.process(first.by);
		const isStored = this.stored.has(first.successor);
		const wasHeldUp = holder.suspendedMs + holder.heldUpMs > 0 || holder.failures > 0;
		const isCutOff = !isStored && wasHeldUp && now - first.at >= LEASE_LEFT_MS;
		const isCrashed = !isStored && holder.isDead;
		if (first.isLost || isCrashed || isCutOff || this.isEditedTwice) {
			this.log.push(`reuse of ${refreshToken} within a documented window`);
			return;
		}
		this.violated(
			`process ${by} redeemed ${refreshToken}, which process ${first.by} had redeemed ${now - first.at} ms before`,
		);
	}

	/** True if nothing can be done for the family any more but to consent again: its newest refresh token is lost by a documented window. */
	isDoomed(family: Family, provider: RotatingProvider): boolean {
		if (family.isRevoked || this.isLostByHand) return true;
		const made = provider.redemptionFor(family.newest);
		if (made === undefined) return false;
		return made.isLost || (this.process(made.by).isDead && !this.stored.has(family.newest));
	}

	/** The newest refresh token is in the store, as its current version or the one before it, or in the memory of a live process. */
	checkNewest(provider: RotatingProvider, live: readonly ModelProcess[]): void {
		if (this.isEditLost || this.acts.some(({ ended }) => ended === undefined)) return;
		const [family, ...others] = this.families();
		if (family === undefined || others.length > 0 || this.isDoomed(family, provider)) return;
		const { newest } = family;
		const isKnown =
			this.isVisible(newest) ||
			live.some(
				({ bundle, answering }) =>
					answering === newest || bundle.lastKnown?.refreshToken === newest,
			);
		if (!isKnown) this.violated(`the refresh token ${newest} is lost`);
	}

	/** What must hold once everything is over. */
	checkEnd(provider: RotatingProvider, live: readonly ModelProcess[]): void {
		const json = asJson(this.store.content);
		const family = provider.familyOf(json.refresh_token);
		if (this.isEditLost) return;
		if (family === undefined || (!this.families().includes(family) && !this.isEditedTwice))
			this.violated(
				`the store holds ${json.refresh_token ?? 'no refresh token'}, which is not what a person chose last`,
			);
		else if (!this.isDoomed(family, provider) && json.refresh_token !== family.newest)
			this.violated(`the store holds ${json.refresh_token ?? ''} instead of ${family.newest}`);
		const missing = this.truth.notes.filter((note) => !(note in json));
		if (missing.length > 0) this.violated(`${missing.join(', ')} is lost`);
		if (!this.rightSecrets.has(json.client_secret))
			this.violated(
				`the client secret is ${json.client_secret ?? 'gone'} instead of ${[...this.rightSecrets].join(' or ')}`,
			);
		// One that an administrator's copy brought back counts for nobody.
		const owner = this.edits === 0 ? json.lease?.owner : undefined;
		const holder = live.find(({ lease }) => lease.owner === owner);
		if (holder?.mayLeaveLease === false && !this.isEditedTwice)
			this.violated(`process ${holder.id} left its lease behind`);
	}

	/** A failure is of one of the four classes. */
	checkFailure(name: string, error: unknown): void {
		if (error instanceof VaultedOAuth2Error && CLASSES.includes(error.failureClass)) return;
		this.violated(`${name} failed with ${String(error)}`);
	}

	private get isEditLost(): boolean {
		return this.overwriting?.isDead === true;
	}

	private isVisible(refreshToken: string): boolean {
		const { content, previousContent = '' } = this.store;
		return (content + previousContent).includes(`"${refreshToken}"`);
	}

	private keep(): BundleJson {
		const json = asJson(this.store.content);
		if (json.refresh_token !== undefined) this.stored.add(json.refresh_token);
		return json;
	}
}
