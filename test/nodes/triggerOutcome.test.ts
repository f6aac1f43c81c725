import {
	connectedOutcome,
	readOutcome,
	refusedOutcome,
	writeOutcome,
	type Outcome,
} from '../../nodes/VaultedOAuth2Trigger/outcome';
import { renderPage } from '../../nodes/VaultedOAuth2Trigger/page';
import { VaultedOAuth2Trigger } from '../../nodes/VaultedOAuth2Trigger/VaultedOAuth2Trigger.node';
import {
	ConfigurationError,
	ProviderError,
	ReconnectError,
	SecretStoreError,
	type Connected,
} from '../../src';
import { FlowKeys } from '../../src/authorization/ticket';

const keys = new FlowKeys(Buffer.alloc(32, 7).toString('base64url'));

const CONNECTED: Connected = {
	label: 'CRM',
	secretId: 'n8n/vaulted-oauth2/crm-1',
	scopes: ['read'],
	expiresAt: Date.UTC(2026, 0, 2, 3, 4, 5),
	refreshable: true,
	reconnected: false,
};

const storeRefused = new SecretStoreError('PutSecretValue was refused. Allow it.', {
	code: 'ACCESS_DENIED',
	action: 'PutSecretValue',
	secretId: CONNECTED.secretId,
});

describe('what the page says', () => {
	it.each([
		[new ReconnectError('ask again.', { code: 'LINK_USED', title: 'Not connected' }), 400],
		[new ConfigurationError('Scope', 'fill it in.', { code: 'INVALID_SCOPE' }), 409],
		[new ProviderError('wait.', { code: 'TEMPORARILY_UNAVAILABLE' }), 502],
	])('tells the four classes apart: %s', (error, status) => {
		const [headline = '', text = ''] = error.message.split(' – ');
		const outcome = refusedOutcome(error);
		expect(outcome).toMatchObject({ status, headline });
		expect(outcome?.text.join().toLowerCase()).toBe(text.toLowerCase());
		expect(outcome?.text[0]).toMatch(/^[A-Z]/);
	});

	it('names a failure of the store by its code, and not what the store said', () => {
		const outcome = refusedOutcome(storeRefused);
		expect(outcome).toMatchObject({ status: 503, headline: 'Secret store' });
		expect(outcome?.text.join()).toContain('(ACCESS_DENIED)');
		expect(JSON.stringify(outcome)).not.toMatch(/PutSecretValue|vaulted-oauth2\//);
	});

	it('says nothing of an error that nobody foresaw', () => {
		expect(refusedOutcome(new TypeError('secret text'))).toBeUndefined();
	});

	it('says when a connection without a refresh token ends', () => {
		const text = (changes: Partial<Connected>) =>
			connectedOutcome({ ...CONNECTED, refreshable: false, ...changes }).text.join(' ');
		expect(text({})).toContain('ends at 2026-01-02 03:04 UTC.');
		expect(text({ expiresAt: null })).toContain('ends with its access token');
		expect(connectedOutcome(CONNECTED).text).toEqual(['You can close this tab.']);
	});

	it('says where the tokens could not be stored, and what to do', () => {
		const { status, text } = connectedOutcome({ ...CONNECTED, unsaved: storeRefused });
		expect(status).toBe(200);
		expect(text.join(' ')).toMatch(/not be stored yet \(ACCESS_DENIED\).*connect again/);
	});
});

describe('the address of the page', () => {
	it('stays below what proxies take, whatever provider and store say', () => {
		const scopes = Array.from({ length: 500 }, (_, n) => `https://api.example.com/auth/scope.${n}`);
		const unsaved = new SecretStoreError('x'.repeat(50_000), {
			code: 'UNAVAILABLE',
			action: 'PutSecretValue',
			secretId: 's',
		});
		const many = connectedOutcome({ ...CONNECTED, label: 'x'.repeat(128), scopes, unsaved });
		expect(writeOutcome(keys, many, 0).length).toBeLessThan(6000);
		expect(many.scopes).toContain(scopes[0]);
		expect(many.scopes?.at(-1)).toMatch(/^… and 4\d\d more$/);
	});

	it('keeps what was written, for ten minutes', () => {
		const outcome = connectedOutcome(CONNECTED);
		const text = writeOutcome(keys, outcome, 1000);
		expect(readOutcome(keys, text, 600_999)).toMatchObject(outcome);
		expect(readOutcome(keys, text, 601_000)).toBeUndefined();
		expect(readOutcome(keys, `x${text}`, 1000)).toBeUndefined();
	});

	it('takes nothing that was signed for another purpose', () => {
		const [payload = ''] = writeOutcome(keys, connectedOutcome(CONNECTED), 0).split('.');
		expect(readOutcome(keys, keys.sign('ticket', payload), 0)).toBeUndefined();
	});
});

test('every text on the page is text', () => {
	const markup = `<img src=x onerror="alert('1')">&amp;`;
	const outcome: Outcome = {
		status: 200,
		headline: markup,
		label: markup,
		scopes: [markup],
		text: [markup],
	};
	const page = renderPage(outcome, 'nonce');
	expect(page).not.toContain('<img');
	const shown = '&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;amp;';
	// Title, heading, label, scope, paragraph.
	expect(page.split(shown)).toHaveLength(6);
});

/** Relative luminance and contrast (WCAG 2.2). */
function luminance(colour: string): number {
	const digits = colour.length === 4 ? colour.replace(/[0-9a-f]/g, '$&$&') : colour;
	const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
		const part = Number.parseInt(digits.slice(at, at + 2), 16) / 255;
		return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test.each([
	['light', 0],
	['dark', 1],
])('everything can be read in %s', (_scheme, index) => {
	const page = renderPage(connectedOutcome(CONNECTED), 'nonce');
	const colour = (name: string) =>
		[...page.matchAll(new RegExp(`--${name}: (#[0-9a-f]+)`, 'g'))].map(([, value = '']) => value);
	// `mark` is there twice in each scheme: connected, and refused.
	const marks = colour('mark').slice(index * 2, index * 2 + 2);
	const card = luminance(colour('card')[index]!);
	const texts = [colour('text')[index]!, colour('muted')[index]!, ...marks];
	expect(texts).toHaveLength(4);
	for (const text of texts) {
		const [darker = 0, lighter = 0] = [luminance(text), card].sort((a, b) => a - b);
		expect((lighter + 0.05) / (darker + 0.05)).toBeGreaterThan(7);
	}
});

test('the trigger has two addresses in one folder, and no other way in', () => {
	const { description } = new VaultedOAuth2Trigger();
	expect(description.inputs).toEqual([]);
	expect(description.webhooks).toMatchObject([
		{ name: 'setup', httpMethod: 'GET', path: 'connect' },
		{ name: 'default', httpMethod: 'GET', path: 'callback' },
		// For form posts; the editor shows the address once.
		{ name: 'default', httpMethod: 'POST', path: 'callback', ndvHideUrl: true },
	]);
	expect(description.credentials).toEqual([{ name: 'vaultedOAuth2Api', required: true }]);
});
