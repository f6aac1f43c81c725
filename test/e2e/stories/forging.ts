import { apiRequestNode, httpRequestNode } from '../../../demo/connection';
import { N8nRestError } from '../../../demo/harness/n8nRest';
import { formatSecretRef } from '../../../src/secrets/pointer';
import type { Fields } from '../support/database';
import { HOST_IDENTITY } from '../support/instance';
import type { Saved, Scene } from '../support/scene';
import type { AwsStore } from '../support/stores';

/** What n8n shows in place of a field that is filled in. */
const REDACTED = '__n8n_BLANK_VALUE_e5362baf-c777-4d57-a609-6eaf1f9e87f6';

type Forgery = [string, (scene: Scene, victim: Saved) => Fields, RegExp];

/** Credentials of somebody who knows everything of the owner's but the secret and the pointer's key. */
const FORGED_POINTERS: Forgery[] = [
	[
		'the owner’s pointer with another key',
		(scene, victim) => ({
			secretRef: formatSecretRef({ ...scene.pointer(victim), key: 'x'.repeat(43) }),
		}),
		/^Secret store – \w+: the secret .* belongs to another connection: the pointer's key does not open it/,
	],
	[
		'the owner’s pointer without a key',
		(scene, victim) => {
			const { key: _key, ...rest } = JSON.parse(formatSecretRef(scene.pointer(victim))) as Fields;
			return { secretRef: JSON.stringify(rest) };
		},
		/^Fix the configuration – Secret Reference: .*damaged/,
	],
	[
		'the name of the owner’s secret',
		(scene, victim) => ({ secretRef: scene.pointer(victim).secretId }),
		/^Fix the configuration – Secret Reference: .*damaged/,
	],
	[
		'the text by which n8n redacts a pointer',
		() => ({ secretRef: REDACTED }),
		/^Fix the configuration – Secret Reference: .*damaged/,
	],
];

/** Changes by which somebody who may edit the owner's credential would have the secret or the token sent elsewhere. */
const REDIRECTIONS: Forgery[] = [
	[
		'another Token URL',
		(scene) => ({ tokenUrl: `${scene.attacker.url}/token` }),
		/^Fix the configuration – Token URL: the stored secret was sealed for another Token URL/,
	],
	[
		'another Issuer URL',
		(scene) => ({ issuerUrl: scene.attacker.url }),
		/^Fix the configuration – Issuer URL: the stored secret was sealed for another Issuer URL/,
	],
	[
		'another API Base URL',
		(scene) => ({ apiBaseUrl: scene.attacker.url }),
		/^Fix the configuration – API Base URL: the stored secret was sealed for another API Base URL/,
	],
	[
		'a further API origin',
		(scene) => ({ additionalApiOrigins: scene.attacker.url }),
		/^Fix the configuration – Additional API Origins: the stored secret was sealed for another/,
	],
];

/** Whoever wants the use of a secret without knowing it gets an error and no token. */
export function forgingStories(scene: () => Scene): void {
	/** Everything that could be noticed outside n8n stays as it was while `attack` goes on. */
	async function withoutEffect(attack: () => Promise<void>): Promise<void> {
		const [before, received] = [await scene().noticed(), scene().attacker.requests.length];
		await attack();
		expect(await scene().noticed()).toEqual(before);
		expect(scene().attacker.requests.slice(received)).toEqual([]);
	}

	async function errorOf(node: Parameters<Scene['workflow']>[0]): Promise<string | undefined> {
		const { nodes } = await scene().run(await scene().workflow(node));
		return nodes[node.name]?.error;
	}

	it.each(FORGED_POINTERS)('%s opens nothing', async (_name, forge, message) => {
		const victim = await scene().seal();
		const { member } = scene().instance;
		await withoutEffect(async () => {
			const forged = { ...scene().form({ clientSecret: '' }), ...forge(scene(), victim) };
			const { test } = await scene().save(forged, member);
			expect(test.status).toBe('Error');
			expect(test.message).toMatch(message);
		});
	});

	it.each(REDIRECTIONS)('%s with a blank secret is refused', async (_name, redirect, message) => {
		const victim = await scene().seal();
		const { form } = await scene().reopen(victim);
		await withoutEffect(async () => {
			const test = await scene().submit(form, redirect(scene(), victim));
			expect(test.status).toBe('Error');
			expect(test.message).toMatch(message);
			// The credential was changed all the same: no node can use it like this.
			const node = apiRequestNode(victim, '/me');
			expect(await errorOf(node)).toMatch(message);
		});
	});

	it('another Token URL in the test alone is refused', async () => {
		const victim = await scene().seal();
		const { owner } = scene().instance;
		const form = await owner.getCredential(victim.id);
		await withoutEffect(async () => {
			const data = { ...form.data, tokenUrl: `${scene().attacker.url}/token` };
			const test = await owner.testCredential({ ...form, data });
			expect(test.message).toMatch(REDIRECTIONS[0]![2]);
		});
	});

	it('another user can neither read nor test the owner’s credential', async () => {
		const victim = await scene().seal();
		const { owner, member } = scene().instance;
		const form = await owner.getCredential(victim.id);
		await withoutEffect(async () => {
			await expect(member.getCredential(victim.id)).rejects.toThrow(N8nRestError);
			await expect(member.testCredential(form)).rejects.toThrow(N8nRestError);
		});
	});

	it('the HTTP Request node sends nothing to another origin', async () => {
		const victim = await scene().seal();
		await withoutEffect(async () => {
			const node = httpRequestNode(victim, `${scene().attacker.url}/echo`);
			expect(await errorOf(node)).toMatch(
				/^Fix the configuration – API Base URL: the request goes to .* but this credential's token is sent only to/,
			);
		});
	});

	it('the companion node sends nothing to another origin', async () => {
		const victim = await scene().seal();
		await withoutEffect(async () => {
			for (const path of [`${scene().attacker.url}/echo`, scene().attacker.url.slice(5)]) {
				expect(await errorOf(apiRequestNode(victim, path))).toMatch(
					/^Fix the configuration – Path: it leads away from/,
				);
			}
		});
	});
}

/** The host has an AWS identity, and a credential may not use it. */
export function hostIdentityStories(scene: () => Scene): void {
	it.each<[string, Fields]>([
		['Host Identity', { awsCredentials: 'default' }],
		[
			'Assume Role without an access key',
			{
				awsCredentials: 'assumeRole',
				awsRoleArn: 'arn:aws:iam::123456789012:role/example',
			},
		],
	])('%s is refused where the instance does not allow it', async (_name, changes) => {
		const before = await scene().noticed();
		const blank = { awsAccessKeyId: '', awsSecretAccessKey: '' };
		const saved = await scene().save(scene().form({ ...blank, ...changes }));
		scene().discardLater(saved);

		expect(saved.test.message).toMatch(
			/^Fix the configuration – AWS Credentials: .*N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED/,
		);
		const { secrets } = await scene().noticed();
		expect(secrets).toBe(before.secrets);
		const { server } = scene().store as AwsStore;
		const callers = server.calls.map(({ accessKeyId }) => accessKeyId);
		expect(callers).not.toContain(HOST_IDENTITY.accessKeyId);
	});
}
