import { fewerScopes, refusal, wrongResponseMode } from '../../src/authorization/refusals';

/** What everybody whose attempt has ended is told to do. */
const WAYS_OUT = {
	CONNECTED_MEANWHILE: 'ask for a new link',
	FOR_PASTING: 'Authorization Response',
	ISSUER_MISMATCH: 'Check Issuer URL',
	LINK_EXPIRED: 'new link',
	LINK_INVALID: 'link',
	LINK_USED: 'new link',
	OTHER_BROWSER: 'Open it in the browser',
	RESPONSE_EXPIRED: 'new link',
	RESPONSE_INVALID: 'new link',
	RESPONSE_USED: 'new link',
	UNAVAILABLE: 'again',
} as const;

it.each(Object.entries(WAYS_OUT) as [keyof typeof WAYS_OUT, string][])(
	'%s says what to do',
	(code, wayOut) => {
		const error = refusal(code);
		expect(error).toMatchObject({ code, failureClass: 'reconnect', title: 'Not connected' });
		expect(error.detail).toContain(wayOut);
	},
);

it('names the scopes that are missing', () => {
	expect(fewerScopes(['a', 'b']).detail).toContain('a b is missing');
});

it.each([true, false])('names the field of a wrong response mode (posted: %s)', (isPosted) => {
	const { field, reason } = wrongResponseMode(isPosted);
	expect(field).toBe('Response Mode');
	expect(reason).toContain(isPosted ? 'choose Form Post' : 'choose Default');
});
