import { askedWaitMs, isTransient } from '../../src/http/rateLimits';

const NOW = Date.UTC(2026, 0, 1, 12);
const SECONDS = NOW / 1000;
const date = (milliseconds: number): string => new Date(milliseconds).toUTCString();

it('knows the statuses after which the same request may succeed', () => {
	expect([200, 400, 401, 403, 404, 408, 500, 501].filter(isTransient)).toEqual([]);
	expect([429, 502, 503, 504].filter(isTransient)).toEqual([429, 502, 503, 504]);
});

it.each<[number, Record<string, unknown>, number | undefined]>([
	[429, { 'retry-after': '3' }, 3000],
	[503, { 'retry-after': '0' }, 0],
	[503, { 'retry-after': date(NOW + 20_000) }, 20_000],
	[429, { 'retry-after': 'soon' }, undefined],
	[429, { 'retry-after': ['1', '2'] }, undefined],
	[200, { 'retry-after': '3' }, undefined],
	[429, {}, undefined],
	// The draft, in its spellings.
	[200, { ratelimit: '"default";r=0;t=30' }, 30_000],
	[200, { ratelimit: '"minute";r=0;t=30, "day";r=0;t=90' }, 90_000],
	[200, { ratelimit: '"minute";r=5;t=30, "day";r=0;t=90' }, 90_000],
	[200, { ratelimit: '"minute";r=05;t=30' }, undefined],
	[200, { ratelimit: 'limit=100, remaining=0, reset=12' }, 12_000],
	[200, { ratelimit: 'limit=100, remaining=1, reset=12' }, undefined],
	[200, { 'ratelimit-remaining': '0', 'ratelimit-reset': '7' }, 7000],
	[200, { 'ratelimit-remaining': '1', 'ratelimit-reset': '7' }, undefined],
	[200, { 'ratelimit-reset': '7' }, undefined],
	[429, { 'ratelimit-reset': '7' }, 7000],
	[429, { 'ratelimit-remaining': '4', 'ratelimit-reset': '7' }, undefined],
	// Before the draft: from now, since the epoch, in milliseconds.
	[200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '9' }, 9000],
	[200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': `${SECONDS + 15}` }, 15_000],
	[200, { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': `${SECONDS + 15}` }, 15_000],
	[200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': `${NOW + 1500}` }, 1500],
	[429, { 'x-ratelimit-reset': `${SECONDS - 15}` }, 0],
	[429, { 'x-ratelimit-reset': 'tomorrow' }, undefined],
	[503, { 'retry-after': '9'.repeat(400) }, 365 * 86_400_000],
	// The server says itself when it wants the next one.
	[429, { 'retry-after': '2', 'ratelimit-remaining': '0', 'ratelimit-reset': '70' }, 2000],
])('an answer of %i with %j asks for %p ms', (status, headers, expected) => {
	expect(askedWaitMs({ status, headers }, NOW)).toBe(expected);
});

it.each([-3_600_000, 3_600_000])(
	'times are the server’s: a clock that is %i ms off changes nothing',
	(skew) => {
		const headers = { date: date(NOW), 'retry-after': date(NOW + 20_000) };
		expect(askedWaitMs({ status: 503, headers }, NOW + skew)).toBe(20_000);
		const quota = {
			date: date(NOW),
			'x-ratelimit-remaining': '0',
			'x-ratelimit-reset': `${SECONDS + 15}`,
		};
		expect(askedWaitMs({ status: 200, headers: quota }, NOW + skew)).toBe(15_000);
	},
);
