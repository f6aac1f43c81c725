import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { WholeCore } from './support/wholeCore';

interface Statement {
	Sid: string;
	Effect: string;
	Action: string[];
	Resource: string;
}

const text = readFileSync(join(__dirname, '..', 'docs', 'aws.md'), 'utf8');
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
