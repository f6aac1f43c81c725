const base = require('./jest.config.js');

/** The fault matrix, storms, soaks, the model and real processes; part of `npm run test:faults`. @type {import('jest').Config} */
module.exports = {
	...base,
	testPathIgnorePatterns: ['/node_modules/', '/dist/'],
	// Their tests are stories, told in order.
	randomize: false,
	testMatch: [
		'<rootDir>/test/{ci,faults,model}/**/*.test.ts',
		'<rootDir>/test/**/*{Processes,Hang}.test.ts',
	],
	testTimeout: 300_000,
	// Half of them wait for real timers.
	maxWorkers: 2,
	globalTeardown: '<rootDir>/test/support/endOfRun.ts',
};
