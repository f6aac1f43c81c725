import { effectiveBuffer, freshness } from '../../src/tokens/freshness';
import type { TokenSet } from '../../src/tokens/tokenSet';

const policy = { bufferMs: 300_000, jitter: 0 };
const token = (lifetimeMs: number | null): TokenSet => ({
	accessToken: 'at',
	issuedAt: 0,
	expiresAt: lifetimeMs,
	requestedFor: '',
});

it('keeps five minutes for tokens of fifteen minutes and more, and a third of the lifetime below', () => {
	expect(effectiveBuffer(policy, 3_600_000)).toBe(300_000);
	expect(effectiveBuffer(policy, 900_000)).toBe(300_000);
	expect(effectiveBuffer(policy, 300_000)).toBe(100_000);
	expect(effectiveBuffer(policy, 3000)).toBe(1000);
});

it('spreads connections over a tenth of the buffer, always to the earlier side', () => {
	expect(effectiveBuffer({ ...policy, jitter: 1 }, 3_600_000)).toBe(330_000);
	expect(effectiveBuffer({ ...policy, jitter: 0.5 }, 300_000)).toBe(105_000);
});

it('is fresh until the buffer, expiring until the end, expired from then on', () => {
	expect(freshness(policy, token(3_600_000), 3_299_999)).toBe('fresh');
	expect(freshness(policy, token(3_600_000), 3_300_000)).toBe('expiring');
	expect(freshness(policy, token(3_600_000), 3_599_999)).toBe('expiring');
	expect(freshness(policy, token(3_600_000), 3_600_000)).toBe('expired');
});

it('holds a token without a known end for fresh', () => {
	expect(freshness(policy, token(null), Number.MAX_SAFE_INTEGER)).toBe('fresh');
});

it('does not know the age of a token that seems to come from the future', () => {
	expect(freshness(policy, token(3_600_000), -300_001)).toBe('expiring');
	expect(freshness(policy, token(3_600_000), -299_999)).toBe('fresh');
});
