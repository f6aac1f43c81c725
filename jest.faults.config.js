const base = require('./jest.config.js');

/** The fault matrix, storms and soaks; part of `npm run test:faults`. @type {import('jest').Config} */
module.exports = {
	...base,
	testPathIgnorePatterns: ['/node_modules/', '/dist/'],
	testMatch: ['<rootDir>/test/faults/**/*.test.ts'],
	testTimeout: 120_000,
};
