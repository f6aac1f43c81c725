import eslint from '@eslint/js';
import { n8nCommunityNodesPlugin } from '@n8n/eslint-plugin-community-nodes';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import jsdoc from 'eslint-plugin-jsdoc';
import n8nNodesBase from 'eslint-plugin-n8n-nodes-base';
import regexp from 'eslint-plugin-regexp';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import { boundaries } from './scripts/lint/boundaries.mjs';

const PUBLISHED = ['src/**/*.ts', 'nodes/**/*.ts', 'credentials/**/*.ts'];
const TYPESCRIPT = ['**/*.{ts,mts,cts}'];
const JAVASCRIPT = ['**/*.{js,mjs,cjs}'];

/** Names that say nothing about what a thing is; AWS Secrets Manager is a thing. */
const EMPTY_NAMES = {
	regex: '((?<!Secrets)Manager|Helper|Util|Service|Data|Handler)s?$',
	match: false,
};

/** Taking a property out of a copy, and an argument that has to be skipped, need a name that nobody uses. */
const UNUSED = { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true };

export default tseslint.config(
	{ ignores: ['**/node_modules/', 'dist/', 'coverage/', '.cache/', 'demo/n8n/'] },

	{
		files: [...TYPESCRIPT, ...JAVASCRIPT],
		extends: [eslint.configs.recommended, importX.flatConfigs.errors],
		settings: {
			'import-x/resolver-next': [
				createNodeResolver({ extensions: ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'] }),
			],
			'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.mts', '.cts'] },
		},
		rules: {
			'import-x/no-cycle': ['error', { ignoreExternal: true }],
			'import-x/no-self-import': 'error',
			'import-x/no-duplicates': 'error',
			// TypeScript and Node know these better.
			'import-x/named': 'off',
			'import-x/namespace': 'off',
			'import-x/default': 'off',
			'import-x/no-unresolved': 'off',
			eqeqeq: ['error', 'always', { null: 'ignore' }],
			'no-unused-vars': ['error', UNUSED],
		},
	},

	{
		files: TYPESCRIPT,
		extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
		languageOptions: {
			parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
		},
		rules: {
			'@typescript-eslint/consistent-type-imports': [
				'error',
				// `typeof import('…')` is the type of a library that is loaded on first use.
				{ fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
			],
			'@typescript-eslint/max-params': ['error', { max: 3 }],
			'@typescript-eslint/naming-convention': [
				'error',
				{ selector: 'typeLike', format: ['PascalCase'], custom: EMPTY_NAMES },
				{ selector: 'function', format: ['camelCase'], custom: EMPTY_NAMES },
			],
			// Both forms read well.
			'@typescript-eslint/array-type': 'off',
			'@typescript-eslint/no-confusing-void-expression': [
				'error',
				{ ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
			],
			'@typescript-eslint/no-deprecated': [
				'error',
				// Deprecated only to stand out, as its own documentation says; used for loopback hosts alone.
				{
					allow: [
						{ from: 'package', package: 'oauth4webapi', name: 'allowInsecureRequests' },
						{ from: 'package', package: 'openid-client', name: 'allowInsecureRequests' },
					],
				},
			],
			'@typescript-eslint/no-unused-vars': ['error', UNUSED],
			// An empty form field is '', for which `||` is right.
			'@typescript-eslint/prefer-nullish-coalescing': [
				'error',
				{ ignorePrimitives: { string: true } },
			],
			'@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
			'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
		},
	},

	{
		files: PUBLISHED,
		plugins: { jsdoc, regexp },
		rules: {
			'no-console': 'error',
			// Everything these files read may come from a stranger, so that no pattern may take longer than its text is long.
			'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
			'regexp/no-super-linear-move': ['error', { report: 'potential' }],
			// Requests leave through src/http or n8n's own functions, which know proxies and the instance's policy.
			'no-restricted-globals': ['error', 'fetch', 'XMLHttpRequest', 'WebSocket'],
			'jsdoc/require-jsdoc': [
				'error',
				{
					publicOnly: { esm: true, cjs: false, window: false },
					require: { ClassDeclaration: true, FunctionDeclaration: true },
					contexts: [
						'ExportNamedDeclaration > TSInterfaceDeclaration',
						'ExportNamedDeclaration > TSTypeAliasDeclaration',
						'ExportNamedDeclaration > VariableDeclaration',
					],
					enableFixer: false,
				},
			],
		},
	},

	{
		files: ['nodes/**/*.ts', 'credentials/**/*.ts', 'package.json'],
		extends: [n8nCommunityNodesPlugin.configs.recommended],
		rules: {
			// The package is for self-hosted n8n, and what these three rules keep out is its point: docs/adr/0005-lint-exceptions.md.
			'@n8n/community-nodes/no-runtime-dependencies': 'off',
			'@n8n/community-nodes/no-restricted-globals': 'off',
			'@n8n/community-nodes/no-restricted-imports': 'off',
		},
	},
	{
		// What it waits for is a browser: nothing is registered at a third party.
		files: ['nodes/VaultedOAuth2Trigger/*.ts'],
		rules: { '@n8n/community-nodes/webhook-lifecycle-complete': 'off' },
	},
	{
		files: ['package.json'],
		plugins: { 'n8n-nodes-base': n8nNodesBase },
		languageOptions: {
			parser: tseslint.parser,
			parserOptions: { extraFileExtensions: ['.json'] },
		},
		rules: n8nNodesBase.configs.community.rules,
	},
	{
		files: ['credentials/**/*.ts'],
		plugins: { 'n8n-nodes-base': n8nNodesBase },
		rules: {
			...n8nNodesBase.configs.credentials.rules,
			// For n8n's own nodes, whose documentation is named by a slug; ours is an address.
			'n8n-nodes-base/cred-class-field-documentation-url-miscased': 'off',
			// n8n's newer rule credential-password-field replaces it.
			'n8n-nodes-base/cred-class-field-type-options-password-missing': 'off',
		},
	},
	{
		// Neither NodeApiError nor a node is at hand where a credential authenticates.
		files: ['credentials/**/*.ts'],
		rules: { '@n8n/community-nodes/require-node-api-error': 'off' },
	},
	{
		files: ['nodes/**/*.ts'],
		plugins: { 'n8n-nodes-base': n8nNodesBase },
		rules: {
			...n8nNodesBase.configs.nodes.rules,
			// They want the string 'main', which n8n's newer rule node-connection-type-literal refuses.
			'n8n-nodes-base/node-class-description-inputs-wrong-regular-node': 'off',
			'n8n-nodes-base/node-class-description-outputs-wrong': 'off',
			'n8n-nodes-base/node-class-description-inputs-wrong-trigger-node': 'off',
		},
	},

	{
		files: ['test/**/*.ts'],
		rules: {
			// A test reads better with `answer!.status` than with a second assertion that the answer is there.
			'@typescript-eslint/no-non-null-assertion': 'off',
			// Stand-ins implement asynchronous ports without waiting for anything.
			'@typescript-eslint/require-await': 'off',
			'@typescript-eslint/no-empty-function': 'off',
			// `expect(port.method)` takes methods apart on purpose.
			'@typescript-eslint/unbound-method': 'off',
			'max-lines': ['error', { max: 600, skipBlankLines: true, skipComments: true }],
		},
	},

	{
		// The columns of a table of cases are the parameters of its test.
		files: ['test/**/*.test.ts'],
		rules: { '@typescript-eslint/max-params': 'off' },
	},

	{
		files: JAVASCRIPT,
		languageOptions: { globals: globals.node },
	},
	{
		files: ['**/*.{js,cjs}'],
		languageOptions: { sourceType: 'commonjs' },
	},

	...boundaries,
);
