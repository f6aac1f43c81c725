import { createHmac, hkdfSync, randomBytes } from 'node:crypto';

import { sameDigest } from '../secrets/pointer';

/**
 * What a signed text is good for:
 * - `link`: opens the connect address once.
 * - `browser`: the state of a flow that only the browser it began in may finish.
 * - `paste`: the state of a flow whose answer is pasted into the credential.
 */
export type TicketKind = 'link' | 'browser' | 'paste';

/** A signed permission, as read. A link, and the states of the sign-ins it leads to, are one permission: one of them is redeemed. */
export interface Ticket {
	readonly kind: TicketKind;
	/** Random; which permission. */
	readonly id: string;
	/** Milliseconds since the epoch at which the permission was given. */
	readonly issuedAt: number;
	/** Milliseconds since the epoch. */
	readonly expiresAt: number;
	/** Random; which sign-in. Only a link has none. */
	readonly flow: string;
}

const KINDS: readonly string[] = ['link', 'browser', 'paste'] satisfies TicketKind[];

/** 96 random bits, base64url. */
export function randomId(): string {
	return randomBytes(12).toString('base64url');
}

/**
 * Everything a flow needs is derived from one random key in the bundle (HKDF, RFC 5869), so that nothing of a flow has to be kept in a
 * process: whichever has the credential can go on with it. The pointer alone makes none of it.
 */
export class FlowKeys {
	private readonly derived = new Map<string, Buffer>();

	constructor(
		/** The bundle's flow key, base64url. Confidential. */
		private readonly key: string,
	) {}

	/** 32 bytes for one purpose, one of few. */
	derive(purpose: string): Buffer {
		const known = this.derived.get(purpose);
		if (known !== undefined) return known;
		const key = Buffer.from(this.key, 'base64url');
		const derived = Buffer.from(hkdfSync('sha256', key, '', `vaulted-oauth2 ${purpose}`, 32));
		this.derived.set(purpose, derived);
		return derived;
	}

	/** What a flow has of its own, base64url: its PKCE code verifier (RFC 7636 §4.1), its nonce, its cookie. */
	secretOf(flow: string, purpose: 'code verifier' | 'nonce' | 'cookie'): string {
		return this.mac(purpose, flow);
	}

	/** A signed ticket, in characters that need no encoding in an address. */
	issue({ kind, id, issuedAt, expiresAt, flow }: Ticket): string {
		const times = [issuedAt, expiresAt].map((time) => time.toString(36));
		return this.sign('ticket', [kind, ...times, id, flow].join('.'));
	}

	/** The ticket in a text; undefined if it was not issued with this key. Whether it has expired is for the caller to say. */
	read(text: string): Ticket | undefined {
		const parts = this.verify('ticket', text)?.split('.') ?? [];
		const [kind = '', issued = '', expires = '', id = '', flow = ''] = parts;
		if (parts.length !== 5 || !KINDS.includes(kind) || id === '') return undefined;
		if ((kind === 'link') !== (flow === '')) return undefined;
		const [issuedAt, expiresAt] = [Number.parseInt(issued, 36), Number.parseInt(expires, 36)];
		return { kind: kind as TicketKind, id, issuedAt, expiresAt, flow };
	}

	/** Appends a signature (HMAC, RFC 2104) that holds for one purpose only. */
	sign(purpose: string, payload: string): string {
		return `${payload}.${this.mac(purpose, payload)}`;
	}

	/** What was signed; undefined if it was not. */
	verify(purpose: string, text: string): string | undefined {
		const end = text.lastIndexOf('.');
		const payload = text.slice(0, Math.max(0, end));
		return sameDigest(text.slice(end + 1), this.mac(purpose, payload)) ? payload : undefined;
	}

	private mac(purpose: string, text: string): string {
		return createHmac('sha256', this.derive(purpose)).update(text).digest('base64url');
	}
}
