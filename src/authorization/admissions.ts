import { VaultedOAuth2Error } from '../errors';
import type { Emit, EventDetails } from '../events';
import type { KeySource } from './keySource';
import { refusal, type RefusalCode } from './refusals';
import type { FlowKeys, Ticket } from './ticket';
import { isBounded } from './usedLinks';

/** Options for {@link Admissions}. */
export interface AdmissionsOptions {
	readonly keys: KeySource;
	readonly emit: Emit;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** Milliseconds by a clock that is never set back. */
	readonly elapsed: () => number;
}

/** Where a browser arrived: the trigger's workflow. */
export type Visit = Pick<EventDetails, 'workflowId'>;

/** A ticket, and the keys that signed it. */
export interface Admitted {
	readonly ticket: Ticket;
	readonly keys: FlowKeys;
}

/** What a ticket has to be, and what is said if it is not. */
export interface Admission {
	readonly kinds: readonly Ticket['kind'][];
	readonly invalid: RefusalCode;
	readonly expired: RefusalCode;
}

/** For the connect address. */
export const LINK: Admission = {
	kinds: ['link'],
	invalid: 'LINK_INVALID',
	expired: 'LINK_EXPIRED',
};
/** For an answer of the provider (RFC 6749 §4.1.2). */
export const STATE: Admission = {
	kinds: ['browser', 'paste'],
	invalid: 'RESPONSE_INVALID',
	expired: 'RESPONSE_EXPIRED',
};

/** How often a visitor's failure is reported that is not the visitor's doing. */
const REPORTED_MS = 60_000;

/** Who may go on: visitors come from anywhere, and are let in by what this connection has signed. */
export class Admissions {
	private failedAt = -Infinity;

	constructor(private readonly options: AdmissionsOptions) {}

	/** The ticket in a text, whatever it is for. @throws SecretStoreError */
	async find(text: string): Promise<Admitted | undefined> {
		return await this.options.keys.find((keys) => {
			const ticket = keys.read(text);
			return ticket && { ticket, keys };
		});
	}

	/** The ticket, if it is good. @throws ReconnectError */
	check(found: Admitted | undefined, { kinds, invalid, expired }: Admission): Admitted {
		if (found === undefined || !kinds.includes(found.ticket.kind) || !isBounded(found.ticket))
			throw refusal(invalid);
		if (this.options.now() >= found.ticket.expiresAt) throw refusal(expired);
		return found;
	}

	/** Lets in who brings a good link or state. Anybody else learns nothing but that they did not. @throws ReconnectError */
	async admit(text: string, admission: Admission, visit: Visit): Promise<Admitted> {
		const found = await this.find(text).catch((error: unknown) => {
			if (error instanceof VaultedOAuth2Error) throw this.unavailable(error, visit);
			throw error;
		});
		try {
			return this.check(found, admission);
		} catch (error) {
			if (error instanceof VaultedOAuth2Error)
				this.options.emit('visit.refused', { code: error.code, ...visit });
			throw error;
		}
	}

	/** Anybody can cause this by a request, so that it is not reported each time. */
	private unavailable({ code, message }: VaultedOAuth2Error, visit: Visit): VaultedOAuth2Error {
		const elapsed = this.options.elapsed();
		if (elapsed - this.failedAt >= REPORTED_MS) {
			this.failedAt = elapsed;
			this.options.emit('visit.failed', { code, message, ...visit });
		}
		return refusal('UNAVAILABLE');
	}
}
