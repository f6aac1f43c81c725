import { createHmac, hkdfSync, randomBytes } from 'node:crypto';

import { sameDigest } from '../secrets/pointer';

/**
 * What a signed text is good for:
 * - `link`: opens the connect address once.
 * - `browser`: the state of a flow that only the browser it began in may finish.
 * - `paste`: the state of a flow whose answer is pasted into the credential.
 */
export type TicketKind = 'link' | 'browser' | 'paste';

/** A signed permission, as read. */
export interface Ticket {
	readonly kind: TicketKind;
	/** Random. */
	readonly id: string;
	/** Milliseconds since the epoch. */
	readonly expiresAt: number;
}

const KINDS: readonly string[] = ['link', 'browser', 'paste'] satisfies TicketKind[];

/** 96 random bits, base64url. */
export function randomId(): string {
	return randomBytes(12).toString('base64url');
}

/**
 * Everything a flow needs is derived from the key in the connection's pointer (HKDF, RFC 5869), so that nothing of a flow has to be kept
 * anywhere: whichever process has the credential can go on with it, and nobody else can make any of it.
 */
export class FlowKeys {
	constructor(
		/** The pointer's key, base64url. Confidential. */
		private readonly key: string,
	) {}

	/** 32 bytes for one purpose. */
	derive(purpose: string): Buffer {
		const key = Buffer.from(this.key, 'base64url');
		return Buffer.from(hkdfSync('sha256', key, '', `vaulted-oauth2 ${purpose}`, 32));
	}

	/** What a flow has of its own, base64url: its PKCE code verifier (RFC 7636 §4.1), its nonce, its cookie. */
	secretOf(id: string, purpose: 'code verifier' | 'nonce' | 'cookie'): string {
		return this.mac(purpose, id);
	}

	/** A signed ticket, in characters that need no encoding in an address. */
	issue({ kind, id, expiresAt }: Ticket): string {
		return this.sign('ticket', [kind, expiresAt.toString(36), id].join('.'));
	}

	/** The ticket in a text; undefined where it was not issued with this key. Whether it has expired is for the caller to say. */
	read(text: string): Ticket | undefined {
		const [kind = '', expiry = '', id = '', ...rest] =
			this.verify('ticket', text)?.split('.') ?? [];
		if (!KINDS.includes(kind) || id === '' || rest.length > 0) return undefined;
		return { kind: kind as TicketKind, id, expiresAt: Number.parseInt(expiry, 36) };
	}

	/** Appends a signature (HMAC, RFC 2104) that holds for one purpose only. */
	sign(purpose: string, payload: string): string {
		return `${payload}.${this.mac(purpose, payload)}`;
	}

	/** What was signed; undefined where it was not. */
	verify(purpose: string, text: string): string | undefined {
		const end = text.lastIndexOf('.');
		const payload = text.slice(0, Math.max(0, end));
		return sameDigest(text.slice(end + 1), this.mac(purpose, payload)) ? payload : undefined;
	}

	private mac(purpose: string, text: string): string {
		return createHmac('sha256', this.derive(purpose)).update(text).digest('base64url');
	}
}
