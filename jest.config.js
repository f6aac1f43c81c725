/** @type {import('jest').Config} */
const base = {
	testEnvironment: 'node',
	// Dynamic imports stay real imports, so that tests load ESM packages the way the published code does.
	transform: {
		'^.+\\.ts$': [
			'@swc/jest',
			{
				jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
				module: { type: 'commonjs', ignoreDynamic: true },
			},
		],
	},
	testPathIgnorePatterns: [
		'/node_modules/',
		'/dist/',
		'/test/e2e/',
		'/test/interop/',
		'/test/faults/',
		'/test/model/',
		'/test/fuzz/',
		'/test/published/',
		// Real processes that hang, die and are waited for: part of `npm run test:faults`.
		'/test/ci/',
		'(Processes|Hang)\\.test\\.ts$',
	],
	modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/demo/n8n/', '<rootDir>/.cache/'],
	testMatch: ['<rootDir>/test/**/*.test.ts'],
	// Only notices hangs, on a machine many times slower too; the slowest takes four seconds on two cores.
	testTimeout: 120_000,
	// Jest would leave one core to nobody.
	maxWorkers: '100%',
	restoreMocks: true,
	// A failure names the seed: `--seed=…` repeats its order.
	randomize: true,
};

module.exports = base;
