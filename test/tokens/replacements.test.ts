import { Replacements } from '../../src/tokens/replacements';
import { VirtualTime } from './virtualTime';

const DAY_MS = 86_400_000;

let time: VirtualTime;
let replacements: Replacements;

beforeEach(() => {
	time = new VirtualTime();
	replacements = new Replacements(time.clock());
	time.pass(1000);
});

it('an endpoint that refused a new token, too, gets none for a day', () => {
	replacements.replaced('/invoices');
	expect(replacements.isWorthwhile('/invoices')).toBe(false);
	time.pass(DAY_MS - 1);
	expect(replacements.isWorthwhile('/invoices')).toBe(false);
	time.pass(1);
	expect(replacements.isWorthwhile('/invoices')).toBe(true);
});

it('one that has accepted a token since gets another at once', () => {
	replacements.replaced('/invoices');
	replacements.accepted('/invoices');
	expect(replacements.isWorthwhile('/invoices')).toBe(true);
});

it('three endpoints that never accepted one are enough for a fourth to get none', () => {
	for (const endpoint of ['/a', '/b']) replacements.replaced(endpoint);
	expect(replacements.isWorthwhile('/c')).toBe(true);
	replacements.replaced('/c');
	expect(replacements.isWorthwhile('/d')).toBe(false);
	replacements.accepted('/d');
	expect(replacements.isWorthwhile('/d')).toBe(true);
});

it('that an endpoint accepted one counts until its token was replaced', () => {
	for (const endpoint of ['/a', '/b', '/c']) replacements.replaced(endpoint);
	replacements.accepted('/d');
	replacements.replaced('/d');
	expect(replacements.isWorthwhile('/d')).toBe(false);
	replacements.accepted('/a');
	replacements.accepted('/b');
	expect(replacements.isWorthwhile('/e')).toBe(true);
});

it.each([
	['/invoices/1', '/invoices/22', true],
	['/invoices/1?page=1', '/invoices/1?page=2#top', true],
	['/invoices?id=1', '/invoices', true],
	[`/users/${'x'.repeat(24)}`, `/users/${'y'.repeat(30)}`, true],
	[`/users/${'x'.repeat(23)}`, `/users/${'y'.repeat(23)}`, false],
	['/invoices/1', '/orders/1', false],
	['/invoices', '/invoices/all', false],
])('%s and %s are one endpoint: %p', (one, other, isSame) => {
	replacements.replaced(one);
	expect(replacements.isWorthwhile(other)).toBe(!isSame);
});

it('remembers the 256 endpoints that accepted one last', () => {
	for (const endpoint of ['/a', '/b', '/c']) replacements.replaced(endpoint);
	const name = (index: number): string =>
		`/n${'abcdefghijklmnop'[index >> 4]}/${'abcdefghijklmnop'[index & 15]}`;
	replacements.accepted('/first');
	for (let index = 0; index < 255; index += 1) replacements.accepted(name(index));
	expect(replacements.isWorthwhile('/first')).toBe(true);
	replacements.accepted('/first');
	replacements.accepted('/last');
	expect(replacements.isWorthwhile('/first')).toBe(true);
	expect(replacements.isWorthwhile(name(0))).toBe(false);
	expect(replacements.isWorthwhile(name(1))).toBe(true);
});
