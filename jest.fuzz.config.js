const base = require('./jest.config.js');

/** Property tests on many thousand cases each. @type {import('jest').Config} */
module.exports = {
	...base,
	testPathIgnorePatterns: ['/node_modules/', '/dist/'],
	testMatch: ['<rootDir>/test/fuzz/**/*.test.ts'],
};
