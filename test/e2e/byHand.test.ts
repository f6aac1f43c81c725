import { once } from 'node:events';
import { cp, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { installByHand } from '../../demo/harness/installPackage';
import { n8nFolder } from '../../demo/harness/run';
import { connectionNode } from '../../demo/connection';
import { eventually } from '../support/eventually';
import { Instance, RUN } from './support/instance';
import { Scene } from './support/scene';

/** Megabytes on disk; what is needed now and some room. */
const MOST_MEGABYTES = 40;
/** How long the provider holds its answer back after SIGTERM. */
const HELD_MS = 3000;

function modulesOf({ n8n }: Instance): string {
	return join(n8n.userFolder, '.n8n', 'nodes', 'node_modules');
}

async function megabytesIn(folder: string): Promise<number> {
	const names = await readdir(folder, { recursive: true });
	const sizes = await Promise.all(names.map(async (name) => await stat(join(folder, name))));
	return sizes.reduce((sum, { blocks }) => sum + blocks * 512, 0) / 1024 / 1024;
}

let instance: Instance;
let scene: Scene;

async function start(install: () => Promise<string>): Promise<void> {
	instance = await Instance.start({ install, logName: 'n8n-by-hand' });
	scene = await Scene.start(instance, 'localVault');
}

/** n8n's log once `text` is in it: n8n writes it behind the answer. */
async function logWith(text: string): Promise<string> {
	const read = async (): Promise<string> => await readFile(instance.n8n.logFile, 'utf8');
	await eventually(async () => (await read()).includes(text));
	return await read();
}

describe('installed by hand, as README.md says', () => {
	beforeAll(async () => await start(async () => await installByHand(RUN)), 600_000);
	afterAll(async () => {
		await scene.close();
		await instance.close();
	});

	it('brings no n8n-workflow, and what it takes on disk is what the documentation says', async () => {
		const names = await readdir(modulesOf(instance), { recursive: true });
		expect(names.filter((name) => /(^|node_modules[/\\])n8n-(workflow|core)$/.test(name))).toEqual(
			[],
		);
		const megabytes = await megabytesIn(modulesOf(instance));
		RUN.report(`Installed by hand: ${megabytes.toFixed(1)} MB`);
		expect(megabytes).toBeLessThan(MOST_MEGABYTES);
	});

	it('its events are in n8n’s log', async () => {
		const form = scene.form();
		await scene.seal(form);
		const text = await logWith(
			`Vaulted OAuth2 connection "${String(form['label'])}": bundle.sealed`,
		);
		expect(text).not.toContain('SECOND_N8N_WORKFLOW');
	});

	it('n8n waits at its end until a rotated refresh token is in the store', async () => {
		const { provider } = scene;
		const saved = await scene.seal(await scene.refreshTokenForm());
		const { refresh_token: spent } = await scene.bundle(saved);
		const id = await scene.workflow(connectionNode(saved, 'refreshNow'));
		const { child } = instance.n8n;
		const exited = once(child, 'exit');
		const held = new Promise<void>((resolve) => {
			provider.injectFault({
				holdAnswer: async () => {
					resolve();
					await pause(HELD_MS);
				},
			});
		});
		await instance.owner.startWorkflow(id, 'Start');
		await held;
		child.kill('SIGTERM');
		await exited;

		const bundle = await scene.bundle(saved);
		expect(bundle.refresh_token).not.toBe(spent);
		expect(bundle).not.toHaveProperty('lease');
	});
});

describe('installed by hand beside a second n8n-workflow', () => {
	beforeAll(
		async () =>
			await start(async () => {
				const userFolder = await installByHand(RUN);
				const [from, to] = [n8nFolder(RUN), join(userFolder, '.n8n', 'nodes')].map((folder) =>
					join(folder, 'node_modules', 'n8n-workflow'),
				) as [string, string];
				await cp(from, to, { recursive: true, dereference: true });
				return userFolder;
			}),
		600_000,
	);
	afterAll(async () => {
		await scene.close();
		await instance.close();
	});

	it('warns of it, and its events are in n8n’s log all the same', async () => {
		const form = scene.form();
		await scene.seal(form);
		const text = await logWith(
			`Vaulted OAuth2 connection "${String(form['label'])}": bundle.sealed`,
		);
		expect(text).toContain('SECOND_N8N_WORKFLOW');
		expect(text).toContain('npm uninstall n8n-workflow');
	});
});
