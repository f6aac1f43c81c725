import { sharedConnections, type Log } from '../src';

const environment = { ...process.env };

afterEach(() => {
	process.env = { ...environment };
});

it('writes the settings and what is wrong with them to the log once, when the package is first used', () => {
	process.env['N8N_ENCRYPTION_KEY'] = 'example';
	process.env['VAULTED_OAUTH2_ALLOWED_API_HOSTS'] = 'api.example.com';
	const lines: string[] = [];
	const log: Log = {
		debug: (message) => lines.push(`debug ${message}`),
		info: (message) => lines.push(`info ${message}`),
		warn: (message) => lines.push(`warn ${message}`),
	};

	const first = sharedConnections(log);
	expect(sharedConnections(log)).toBe(first);

	expect(lines).toHaveLength(2);
	expect(lines[0]).toMatch(/^info Vaulted OAuth2 settings: VAULTED_OAUTH2_LEASE=automatic /);
	expect(lines[0]).toContain(' VAULTED_OAUTH2_ALLOWED_API_HOSTS=api.example.com ');
	expect(lines[1]).toMatch(/^warn Vaulted OAuth2: The key of the local vault .* is weak/);
	expect(lines.join()).not.toMatch(/=example\b/);
});
