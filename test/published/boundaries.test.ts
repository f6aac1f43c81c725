import { join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const BOUNDARY_RULES = ['@typescript-eslint/no-restricted-imports', 'no-restricted-syntax'];
/** Loading every plugin takes some seconds. */
const LOADING_TIMEOUT = 60_000;

describe('the lint rules on imports', () => {
	const root = join(__dirname, '..', '..');
	// The repository's own configuration; types are left out because the files of these tests do not exist.
	const eslint = new ESLint({
		cwd: root,
		overrideConfig: [
			tseslint.configs.disableTypeChecked,
			{ languageOptions: { parserOptions: { projectService: false } } },
		],
	});

	async function isRefused(file: string, code: string): Promise<boolean> {
		const [result] = await eslint.lintText(code, { filePath: join(root, file) });
		return result!.messages.some(({ ruleId }) => BOUNDARY_RULES.includes(ruleId ?? ''));
	}

	beforeAll(async () => {
		await isRefused('src/x.ts', '');
	}, LOADING_TIMEOUT);

	test.each([
		['n8n in src', 'src/tokens/x.ts', "import { sleep } from 'n8n-workflow';"],
		['n8n types in src', 'src/x.ts', "import type { INode } from 'n8n-workflow';"],
		['n8n in src, dynamically', 'src/x.ts', "await import('n8n-core');"],
		['openid-client outside oauth', 'src/tokens/x.ts', "await import('openid-client');"],
		['types of openid-client outside oauth', 'src/x.ts', "import type {} from 'openid-client';"],
		['its types, in place', 'src/x.ts', "type Client = typeof import('openid-client');"],
		['openid-client at start', 'src/oauth/x.ts', "import { discovery } from 'openid-client';"],
		['oauth4webapi outside oauth', 'src/http/x.ts', "export * from 'oauth4webapi';"],
		[
			'the AWS SDK beside its adapter',
			'src/secrets/localVault.ts',
			"await import('@aws-sdk/client-secrets-manager');",
		],
		[
			'the AWS SDK at start',
			'src/secrets/awsSecretsManager.ts',
			"import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';",
		],
		['ajv outside config', 'src/oauth/x.ts', "await import('ajv');"],
		['undici outside http', 'src/oauth/x.ts', "import type { Client } from 'undici';"],
		['sockets outside http', 'src/oauth/x.ts', "import { request } from 'node:https';"],
		['code of another layer', 'src/tokens/x.ts', "import { send } from '../oauth/tokenRequest';"],
		['layers above', 'src/secrets/x.ts', "import { refresh } from '../tokens/x';"],
		['code of another layer, dynamically', 'src/tokens/x.ts', "await import('../oauth/x');"],
		['the door from inside', 'src/config/x.ts', "import { connect } from '../index';"],
		['a part of src in a node', 'nodes/A/A.node.ts', "import { x } from '../../src/tokens/x';"],
		['its types in a credential', 'credentials/A.ts', "import type { X } from '../src/errors';"],
		['a library in a node', 'nodes/A/A.node.ts', "import { request } from 'undici';"],
		['nodes in a credential', 'credentials/A.ts', "import { x } from '../nodes/A/x';"],
	])('refuse %s', async (_name, file, code) => {
		expect(await isRefused(file, code)).toBe(true);
	});

	test.each([
		['openid-client on first use', 'src/oauth/x.ts', "await import('openid-client');"],
		[
			'types of openid-client',
			'src/oauth/x.ts',
			"import type { Configuration } from 'openid-client';",
		],
		['its types, in place', 'src/oauth/x.ts', "type Client = typeof import('openid-client');"],
		[
			'the AWS SDK on first use',
			'src/secrets/awsSecretsManager.ts',
			"await import('@aws-sdk/client-secrets-manager');",
		],
		['ajv on first use', 'src/config/x.ts', "await import('ajv');"],
		[
			'types of another layer',
			'src/tokens/x.ts',
			"import type { Bundle } from '../secrets/bundle';",
		],
		['layers below', 'src/oauth/x.ts', "import { createEgress } from '../http/createEgress';"],
		['errors', 'src/tokens/x.ts', "import { ReconnectError } from '../errors';"],
		['every layer where they are put together', 'src/x.ts', "import { x } from './tokens/x';"],
		['n8n in a node', 'nodes/A/A.node.ts', "import { NodeApiError } from 'n8n-workflow';"],
		['the door in an operation', 'nodes/A/a/b.ts', "import { connect } from '../../../src/index';"],
		['the door in a credential', 'credentials/A.ts', "import { connect } from '../src/index';"],
	])('allow %s', async (_name, file, code) => {
		expect(await isRefused(file, code)).toBe(false);
	});
});
