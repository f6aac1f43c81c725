const base = require('./jest.config.js');

/** The tests against a real n8n. @type {import('jest').Config} */
module.exports = {
	...base,
	testPathIgnorePatterns: ['/node_modules/', '/dist/'],
	testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
	testTimeout: 60_000,
	reporters: ['default', '<rootDir>/test/e2e/support/n8nLogReporter.cjs'],
};
