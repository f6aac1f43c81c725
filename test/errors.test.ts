import {
	ConfigurationError,
	ProviderError,
	ReconnectError,
	restoreFailure,
	SecretStoreError,
	storedFailure,
	VersionConflictError,
	type SecretStoreCode,
} from '../src/errors';

describe.each([
	['its own title', { title: 'Not connected' }],
	['the title of its class', {}],
])('a failure with %s', (_name, title) => {
	it.each([
		new ReconnectError('connect again.', { code: 'INVALID_GRANT', ...title }),
		new ProviderError('wait.', { code: 'TIMEOUT', ...title }),
		new ConfigurationError('Scope', 'correct it.', { code: 'INVALID_SCOPE', ...title }),
	])('is the same after it was stored: $name', (error) => {
		const stored = JSON.parse(JSON.stringify(storedFailure(error))) as never;
		const restored = restoreFailure(stored);
		expect(restored).toBeInstanceOf(error.constructor);
		const { message, code, title: said, detail, failureClass, name } = error;
		expect(restored).toMatchObject({ message, code, title: said, detail, failureClass, name });
		if (error instanceof ConfigurationError)
			expect(restored).toMatchObject({ field: error.field, reason: error.reason });
	});
});

it('a failure of the store is about the process that met it, and is not stored', () => {
	const error = new SecretStoreError('no.', {
		code: 'THROTTLED',
		action: 'GetSecretValue',
		secretId: 's',
	});
	expect(storedFailure(error)).toBeUndefined();
});

const TEMPORARY: Record<SecretStoreCode, boolean> = {
	ACCESS_DENIED: false,
	ALREADY_EXISTS: false,
	BUNDLE_INVALID: false,
	BUNDLE_TOO_NEW: false,
	DECRYPTION_FAILED: false,
	DELETED: false,
	INVALID_REQUEST: false,
	KEY_MISMATCH: false,
	LIMIT_EXCEEDED: false,
	NOT_FOUND: false,
	NOT_SAVED: false,
	ROLLED_BACK: false,
	THROTTLED: true,
	TOO_LARGE: false,
	UNAVAILABLE: true,
	UNREACHABLE: true,
};

it.each(Object.entries(TEMPORARY) as [SecretStoreCode, boolean][])(
	'%s of a store may go away by itself: %s',
	(code, temporary) => {
		const error = new SecretStoreError('no.', { code, action: 'read', secretId: 's' });
		expect(error.temporary).toBe(temporary);
		expect(error).toMatchObject({
			code,
			action: 'read',
			secretId: 's',
			failureClass: 'secretStore',
		});
	},
);

it('of the other classes only a provider’s failure may go away by itself', () => {
	expect(new ProviderError('wait.', { code: 'TIMEOUT' }).temporary).toBe(true);
	expect(new ReconnectError('again.', { code: 'INVALID_GRANT' }).temporary).toBe(false);
	expect(new ConfigurationError('Scope', 'no.', { code: 'INVALID_SCOPE' }).temporary).toBe(false);
});

it('a message is one line of plain text: title, field, detail', () => {
	const error = new ConfigurationError('Scope', 'two\nlines <b>bold</b>', {
		code: 'INVALID_SCOPE',
	});
	expect(error.message).toMatch(/^Fix the configuration – Scope: two lines /);
	expect(error.message).not.toMatch(/[<>\n]/);
	expect(error.reason).toBe(error.detail.replace('Scope: ', ''));
});

it('a conflict names the secret', () => {
	expect(new VersionConflictError('n8n/x')).toMatchObject({
		name: 'VersionConflictError',
		secretId: 'n8n/x',
		message: 'The secret n8n/x was changed by another writer',
	});
});
