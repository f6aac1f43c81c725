import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connectionNode, MANUAL_TRIGGER } from '../../../demo/connection';
import type { Execution } from '../../../demo/harness/n8nRest';
import { Person, type Page } from '../../../demo/harness/person';
import { eventually } from '../../support/eventually';
import type { Fields } from '../support/database';
import { vaultedOAuth2 } from '../support/nodes';
import type { Saved, Scene } from '../support/scene';

/** More than the sign-ins of a link that were once counted. */
const OPENED = 50;

/** Who may use a credential, and who has a link, change the account behind it only if the credential says so. */
export function accountChangeStories(scene: () => Scene): void {
	/** A credential with its published trigger; the link that saving shows. */
	async function account(changes: Fields = {}): Promise<{ saved: Saved; link: string }> {
		const form = scene().accountForm({ accountChangesByWorkflows: false, ...changes });
		const saved = await scene().save(form);
		scene().pointer(saved);
		await scene().connectWorkflow(saved, form);
		const [link = ''] = /http\S+\/connect\?link=\S+/.exec(saved.test.message) ?? [];
		return { saved, link };
	}

	async function consent(link: string, name: string): Promise<Page> {
		const page = await new Person().consent(link, name);
		expect(page.text).toMatch(/<h1[^>]*>Connected/);
		return page;
	}

	/** Runs an operation of the companion node in the other user's own workflow. */
	async function byMember(saved: Saved, operation: string): Promise<Execution['nodes'][string]> {
		const { member } = scene().instance;
		const node = connectionNode(saved, operation);
		const id = await member.createWorkflow('Mine', [MANUAL_TRIGGER, node]);
		const { nodes } = await member.runWorkflow(id, MANUAL_TRIGGER.name);
		return nodes[operation] ?? { items: [], error: 'did not run', milliseconds: 0 };
	}

	async function callsSucceed(saved: Saved): Promise<boolean> {
		const node = vaultedOAuth2(scene(), saved, { path: '/me' });
		return (await scene().run(await scene().workflow(node))).status === 'success';
	}

	function digest(subject: string): string {
		const { issuer } = scene().accounting.provider;
		return createHash('sha256').update(`${issuer} ${subject}`).digest('hex');
	}

	/** The lines that n8n logged of an event of a connection, once there are as many: n8n writes its log behind the answer. */
	async function logged({ name }: Saved, event: string, least = 1): Promise<string[]> {
		const lines = async (): Promise<string[]> => {
			const log = await readFile(scene().instance.n8n.logFile, 'utf8');
			return log.split('\n').filter((line) => line.includes(`"${name}": ${event}`));
		};
		await eventually(async () => (await lines()).length >= least);
		return await lines();
	}

	it('a user who may only use the credential neither gets a link nor disconnects the account', async () => {
		const { saved, link } = await account();
		await consent(link, 'alex');
		scene().instance.database.share(saved.id, scene().instance.memberEmail);
		for (const operation of ['getAuthorizationUrl', 'revoke']) {
			const { error, items } = await byMember(saved, operation);
			expect(error).toMatch(/^Fix the configuration – Account Changes by Workflows: it is off/);
			expect(items).toEqual([]);
		}
		expect(await logged(saved, 'account.disconnected', 0)).toEqual([]);
		expect(await callsSucceed(saved)).toBe(true);
	});

	it('if the credential allows it, n8n’s log says which account took the place of which', async () => {
		const { saved, link } = await account({ accountChangesByWorkflows: true });
		await consent(link, 'alex');
		scene().instance.database.share(saved.id, scene().instance.memberEmail);
		const { items } = await byMember(saved, 'getAuthorizationUrl');
		await consent(items[0]?.['connectUrl'] as string, 'sam');

		const lines = await logged(saved, 'account.replaced');
		expect(lines).toEqual([expect.stringContaining('warn')]);
		expect(lines[0]).toContain(`"subject": "${digest('sam')}"`);
		expect(lines[0]).toContain(`"formerSubject": "${digest('alex')}"`);
		// Names in ids are chance.
		expect(lines[0]).not.toMatch(/\b(alex|sam)\b/);
		expect(await logged(saved, 'link.minted')).toContainEqual(
			expect.stringMatching(/"workflowId": "\w+", "executionId": "\d+"/),
		);

		const { items: revoked } = await byMember(saved, 'revoke');
		expect(revoked).toMatchObject([{ disconnected: true, revoked: true }]);
		expect(await logged(saved, 'account.disconnected')).toHaveLength(1);
	});

	it('a link that was opened fifty times still connects', async () => {
		const { saved, link } = await account();
		for (let opened = 0; opened < OPENED; opened += 10) {
			const answers = await Promise.all(
				Array.from({ length: 10 }, async () => await fetch(link, { redirect: 'manual' })),
			);
			expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 303));
		}
		await consent(link, 'alex');
		expect(await callsSucceed(saved)).toBe(true);
	});

	describe('with a credential that cannot be used, a visitor reads nothing of it', () => {
		/** What the page must not say. */
		function internals(saved: Saved): string[] {
			const { n8n } = scene().instance;
			const { secretId } = scene().pointer(saved);
			return [saved.name, secretId, n8n.userFolder, scene().api.url, '127.0.0.1:9', 'vault', 'AWS'];
		}

		async function visited(link: string, hidden: string[]): Promise<void> {
			const callback = link.replace(/connect\?.*$/, 'callback?code=c&state=s');
			for (const address of [link, link.replace(/=.*$/, '=x'), callback]) {
				const { status, text } = await new Person().open(address);
				expect(status).toBeGreaterThanOrEqual(400);
				expect(text).toMatch(/<h1[^>]*>\w/);
				expect(hidden.filter((words) => text.includes(words))).toEqual([]);
			}
		}

		it('its store cannot be reached any more', async () => {
			const { saved, link } = await account();
			// Who has a good link is told what the connection is called.
			const [, ...hidden] = internals(saved);
			const admit = await scene().store.refuseSecrets();
			const { text } = await new Person().consent(link).finally(admit);
			expect(text).toContain('cannot use its secret store at present');
			expect(hidden.filter((words) => text.includes(words))).toEqual([]);
		});

		it.each<[string, Fields]>([
			['leads elsewhere', { issuerUrl: 'http://127.0.0.1:9/internal' }],
			[
				'names another store',
				{
					secretStore: 'awsSecretsManager',
					awsAccessKeyId: 'nobody',
					awsSecretAccessKey: 'not-a-key',
					awsEndpoint: 'http://127.0.0.1:9/internal',
				},
			],
			['is not complete', { apiBaseUrl: '' }],
		])('it %s', async (_name, changes) => {
			const { saved, link } = await account();
			const hidden = internals(saved);
			await scene().edit(saved, changes);
			await visited(link, hidden);
		});
	});
}
