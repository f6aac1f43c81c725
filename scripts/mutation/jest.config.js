const base = require('../../jest.config.js');

/** The tests of `npm test` and, with fewer cases each, those of `npm run test:fuzz`. @type {import('jest').Config} */
module.exports = {
	...base,
	rootDir: '../..',
	testPathIgnorePatterns: base.testPathIgnorePatterns.filter((path) => path !== '/test/fuzz/'),
};
