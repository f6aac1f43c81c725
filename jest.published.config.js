const base = require('./jest.config.js');

/** The package as it is published, and the borders inside it: `npm run test:published`. @type {import('jest').Config} */
module.exports = {
	...base,
	testPathIgnorePatterns: ['/node_modules/', '/dist/'],
	testMatch: ['<rootDir>/test/published/**/*.test.ts'],
};
