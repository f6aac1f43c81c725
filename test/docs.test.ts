import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { SETTING_NAMES } from '../src/config/operatorSettings';
import { CLIENT_ID_TAG, TOKEN_HOSTS_TAG } from '../src/oauth/references';

import { WholeCore } from './support/wholeCore';

interface Statement {
	Sid: string;
	Effect: string;
	Action: string[];
	Resource: string;
}

const ROOT = join(__dirname, '..');
const text = readFileSync(join(ROOT, 'docs', 'aws.md'), 'utf8');
const policy = JSON.parse(/```json\n([^]*?)```/.exec(text)?.[1] ?? '{}') as {
	Version: string;
	Statement: Statement[];
};
const allowed = policy.Statement.flatMap(({ Action }) => Action);

describe('the IAM policy in docs/aws.md', () => {
	it('has the shape of a policy, for the secrets of this package alone', () => {
		expect(policy.Version).toBe('2012-10-17');
		expect(policy.Statement.length).toBeGreaterThan(0);
		for (const { Effect, Action, Resource, Sid } of policy.Statement) {
			expect(Effect).toBe('Allow');
			expect(Sid).toMatch(/^\w+$/);
			expect(Action.every((action) => /^secretsmanager:[A-Z]\w+$/.test(action))).toBe(true);
			expect(Resource).toMatch(
				/^arn:aws:secretsmanager:[\w-]+:\d{12}:secret:n8n\/vaulted-oauth2\/\*$/,
			);
		}
		expect(allowed.join()).not.toContain('*');
	});

	it('is enough for sealing, refreshing, leases and connecting, and allows nothing that is not used', async () => {
		const core = await WholeCore.start('awsSecretsManager');
		try {
			const form = await core.save(await core.refreshForm());
			core.wait(3700);
			await expect(core.call(form)).resolves.toBe(200);
			core.wait(3700);
			const other = core.process({ severalProcesses: true });
			await expect(core.call(form, other)).resolves.toBe(200);
			const used = new Set(core.aws.calls.map(({ action }) => `secretsmanager:${action}`));
			// Tags go along with CreateSecret; AWS wants the permission for them.
			used.add('secretsmanager:TagResource');
			expect([...used].sort()).toEqual([...allowed].sort());
		} finally {
			await core.close();
		}
	});
});

it('the policy for a list of connections in docs/aws.md allows what a list uses besides', async () => {
	const [, list] = [...text.matchAll(/```json\n([^]*?)```/g)].map(
		([, json = '{}']) => JSON.parse(json) as typeof policy,
	);
	const core = await WholeCore.start('awsSecretsManager');
	try {
		const form = await core.save(core.form());
		const connections = core.process({ listByWorkflows: true });
		const asked = { by: { from: 'workflow' }, most: 10 } as const;
		await connections.list(await connections.read(form), asked);
		const used = new Set(core.aws.calls.map(({ action }) => `secretsmanager:${action}`));
		const further = list?.Statement.flatMap(({ Action }) => Action) ?? [];
		expect([...used].filter((action) => !allowed.includes(action)).sort()).toEqual(further.sort());
	} finally {
		await core.close();
	}
});

describe('the settings in docs/operations.md', () => {
	const operations = readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8');
	const rows = [
		...operations.matchAll(/^\| `(VAULTED_OAUTH2_\w+)` +\| *(\S.*?) *\| *(\S.*?) *\|$/gm),
	];

	it('are all there, each once, with values and meaning', () => {
		expect(rows.map(([, name]) => name).sort()).toEqual([...SETTING_NAMES].sort());
		for (const [, , values, meaning] of rows) {
			expect(values?.length).toBeGreaterThan(3);
			expect(meaning?.length).toBeGreaterThan(20);
		}
	});

	it('are all that the sources speak of', () => {
		const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) =>
			/^(src|credentials|nodes)\/.*\.ts$/.test(file),
		);
		const spokenOf = files.flatMap(
			(file) => readFileSync(join(ROOT, file), 'utf8').match(/\bVAULTED_OAUTH2_[A-Z_]+\b/g) ?? [],
		);
		expect([...new Set(spokenOf)].sort()).toEqual([...SETTING_NAMES].sort());
	});
});

it('docs/aws.md names the tags of a referenced secret', () => {
	for (const tag of [TOKEN_HOSTS_TAG, CLIENT_ID_TAG]) expect(text).toContain(`\`${tag}\``);
});
