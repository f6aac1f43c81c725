import { createRequire } from 'node:module';
import { isIP } from 'node:net';

import { readInstanceSettings } from '../../src/config/instanceSettings';
import { createGuard } from '../../src/http/policy';
import { ADDRESSES } from './support/addresses';
import { answerLookups } from './support/redirectedSockets';

/*
 * n8n's own protection, as its HTTP helpers ask it in front of every request, with or without a proxy: what it refuses is refused here as
 * well, and besides that only what docs/security.md names.
 */

interface Protection {
	validateUrl(url: URL): Promise<{ readonly ok: boolean }>;
}
interface N8n {
	readonly SsrfProtectionService: new (settings: object, dns: object, logger: object) => Protection;
	/** With its defaults. */
	readonly SsrfProtectionConfig: new () => object;
}

// Packages of n8n-core, which are none of this one.
const load = createRequire(require.resolve('n8n-core/package.json'));
const { SsrfProtectionService } = load('@n8n/backend-network') as N8n;
const { SsrfProtectionConfig } = load('@n8n/config') as N8n;

const policy = readInstanceSettings({ N8N_SSRF_PROTECTION_ENABLED: 'true' }).egressPolicy!;

function n8nFinds(addresses: readonly string[]): Protection {
	const dns = {
		lookup: () =>
			addresses.length === 0
				? Promise.reject(new Error('ENOTFOUND'))
				: Promise.resolve(addresses.map((address) => ({ address, family: isIP(address) }))),
	};
	const logger = { scoped: () => ({ warn: () => undefined }) };
	return new SsrfProtectionService(new SsrfProtectionConfig(), dns, logger);
}

async function n8nRefuses(host: string, addresses: readonly string[]): Promise<boolean> {
	return !(await n8nFinds(addresses).validateUrl(new URL(`http://${host}/`))).ok;
}

async function guardRefuses(host: string, addresses: readonly string[]): Promise<boolean> {
	answerLookups(() => addresses);
	const { hostname } = new URL(`http://${host}/`);
	return await createGuard(policy)
		.checkForProxy(hostname.replace(/^\[|\]$/g, ''))
		.then(
			() => false,
			() => true,
		);
}

test.each(ADDRESSES)('$host', async ({ host, addresses, blocked, isFurther, isLoopback }) => {
	const answers = addresses ?? (isLoopback === true ? ['127.0.0.1'] : []);

	expect(await n8nRefuses(host, answers)).toBe(blocked && isFurther !== true);
	expect(await guardRefuses(host, answers)).toBe(blocked);
});

test('a name without addresses fails in both', async () => {
	await expect(n8nRefuses('unknown.example.com', [])).rejects.toThrow('ENOTFOUND');
	await expect(guardRefuses('unknown.example.com', [])).resolves.toBe(true);
});
