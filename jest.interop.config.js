const base = require('./jest.config.js');

/** The tests against moto and Keycloak; started by scripts/interop.mjs. @type {import('jest').Config} */
module.exports = {
	...base,
	testPathIgnorePatterns: ['/node_modules/', '/dist/'],
	// Their tests are stories, told in order.
	randomize: false,
	testMatch: ['<rootDir>/test/interop/**/*.test.ts'],
	testTimeout: 60_000,
	globalTeardown: '<rootDir>/test/support/endOfRun.ts',
};
