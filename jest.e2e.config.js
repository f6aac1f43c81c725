const base = require('./jest.config.js');

/** The tests against a real n8n. @type {import('jest').Config} */
module.exports = {
	...base,
	testPathIgnorePatterns: ['/node_modules/', '/dist/'],
	// Their tests are stories, told in order.
	randomize: false,
	testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
	testTimeout: 240_000,
	// One file after the other, in this process: each has a browser or an n8n of its own.
	maxWorkers: 1,
	globalTeardown: '<rootDir>/test/support/endOfRun.ts',
	reporters: ['default', '<rootDir>/test/e2e/support/n8nLogReporter.cjs'],
};
