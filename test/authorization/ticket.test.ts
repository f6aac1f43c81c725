import { FlowKeys } from '../../src/authorization/ticket';
import { createKey } from '../../src/secrets/pointer';

const EXPIRES = Date.UTC(2026, 0, 1);

describe('a ticket', () => {
	const keys = new FlowKeys(createKey());
	const ticket = {
		kind: 'browser',
		id: 'an-id_1',
		issuedAt: EXPIRES - 60_000,
		expiresAt: EXPIRES,
		flow: 'a-flow_1',
	} as const;

	it('reads as it was issued, in characters that need no encoding', () => {
		const text = keys.issue(ticket);
		expect(encodeURIComponent(text)).toBe(text);
		expect(keys.read(text)).toEqual(ticket);
	});

	it('is nothing to another connection', () => {
		expect(new FlowKeys(createKey()).read(keys.issue(ticket))).toBeUndefined();
	});

	it('is nothing once a single character is another one', () => {
		const text = keys.issue(ticket);
		for (let index = 0; index < text.length; index += 1) {
			const changed = `${text.slice(0, index)}${text[index] === 'x' ? 'y' : 'x'}${text.slice(index + 1)}`;
			expect(keys.read(changed)).toBeUndefined();
		}
	});

	it('is not made by a signature for another purpose', () => {
		expect(keys.read(keys.sign('outcome', `link.yy.zz.id.`))).toBeUndefined();
	});

	it.each(['link.yy.zz.id', 'link.yy.zz.id.flow', 'browser.yy.zz.id.', 'other.yy.zz.id.flow'])(
		'is not %j, even if it is signed',
		(payload) => {
			expect(keys.read(keys.sign('ticket', payload))).toBeUndefined();
		},
	);

	it.each(['', '.', 'link', 'link.a.b', 'link.a.b.', `link..x.${'A'.repeat(43)}`])(
		'is not %j',
		(text) => {
			expect(keys.read(text)).toBeUndefined();
		},
	);
});

it('derives other secrets for every flow, purpose and connection', () => {
	const [first, second] = [new FlowKeys(createKey()), new FlowKeys(createKey())];
	const secrets = [
		first.secretOf('a', 'code verifier'),
		first.secretOf('b', 'code verifier'),
		first.secretOf('a', 'nonce'),
		first.secretOf('a', 'cookie'),
		second.secretOf('a', 'cookie'),
	];
	expect(new Set(secrets).size).toBe(secrets.length);
	// RFC 7636 §4.1: 43 to 128 of these characters.
	expect(secrets[0]).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
});
