import { createKey, formatSecretRef } from '../../src/secrets/pointer';
import { assertNoPointer } from '../../src/secrets/pointerInField';

const key = createKey();
const secretRef = formatSecretRef({
	store: { kind: 'localVault' },
	secretId: 'n8n/vaulted-oauth2/a',
	key,
});
const other = formatSecretRef({ store: { kind: 'localVault' }, secretId: 'b', key: createKey() });
const base64 = (text: string) => Buffer.from(text).toString('base64');

it.each([
	['the pointer', secretRef],
	['its key', key],
	['its key in an address', `https://attacker.example/?x=${key}`],
	['the pointer in an address', `https://attacker.example/?x=${encodeURIComponent(secretRef)}`],
	['JSON inside JSON', JSON.stringify({ audience: secretRef })],
	['all fields as JSON, inside JSON', JSON.stringify(JSON.stringify({ secretRef }))],
	['base64 of the key', base64(key)],
	['base64 of the pointer', base64(secretRef)],
	['base64 of the pointer with something before it', base64(`x${secretRef}`)],
	['base64 of the pointer with more before it', base64(`xy${secretRef}`)],
	['base64url', Buffer.from(secretRef).toString('base64url')],
	['hexadecimal', Buffer.from(secretRef).toString('hex')],
	['another credential’s pointer', other],
	['another one’s, spread over lines', JSON.stringify(JSON.parse(other), null, 2)],
	['an object', { audience: secretRef }],
])('refuses %s in a field, and names the field', (_name, value) => {
	expect(() => assertNoPointer({ label: 'CRM', tokenParameters: value, secretRef })).toThrow(
		expect.objectContaining({
			field: 'Additional Token Parameters',
			code: 'POINTER_IN_FIELD',
			message: expect.not.stringContaining(key) as string,
		}) as Error,
	);
	for (const field of ['label', 'apiBaseUrl', 'unknown'])
		expect(() => assertNoPointer({ [field]: value, secretRef })).toThrow('the pointer');
});

it.each([
	['ordinary fields', { label: 'CRM', clientSecret: 'k'.repeat(43), scope: 'key: value' }],
	['JSON with a short key', { tokenParameters: '{"key":"value"}' }],
	['no pointer at all', { label: 'CRM', secretRef: '' }],
	['a damaged pointer', { label: 'CRM', secretRef: '{' }],
	['numbers and nothing', { refreshBufferSeconds: 300, pkce: true, tenantId: undefined, x: null }],
])('takes %s', (_name, fields) => {
	expect(() => assertNoPointer({ secretRef, ...fields })).not.toThrow();
});

it('costs little, whatever the text', () => {
	const began = performance.now();
	for (const part of ['"key":"', '\\"key\\":\\"', '%22key%22%3A%22', key.slice(0, 42)])
		assertNoPointer({ label: part.repeat(20_000), secretRef });
	expect(performance.now() - began).toBeLessThan(1000);
});
