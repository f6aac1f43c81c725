import { readdir, readFile } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { exportCredentials, type StoredCredential } from '../../../demo/harness/n8nCli';
import { setImmediate } from 'node:timers/promises';
import { placesWith } from '../../../demo/leaks';
import { TEST_IDENTITY } from '../../support/secretsManagerServer';
import { HOST_IDENTITY, RUN } from '../support/instance';
import { httpRequest, vaultedOAuth2 } from '../support/nodes';
import type { Client, Scene, SealedContent } from '../support/scene';

/** An account that nobody has connected, or that was disconnected, has no token. */
type UnconnectedContent = Partial<SealedContent>;

const DATABASE = "n8n's database, decrypted";

/** Every file under n8n's user folder, byte by byte, but for the programs that were installed there. */
async function filesOf(userFolder: string): Promise<Record<string, string>> {
	const programs = join(userFolder, '.n8n', 'nodes') + sep;
	const entries = await readdir(userFolder, { recursive: true, withFileTypes: true });
	const files = entries
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name))
		.filter((file) => !file.startsWith(programs));
	const texts = files.map(async (file) => [file, await readFile(file, 'latin1')] as const);
	return Object.fromEntries(await Promise.all(texts));
}

/** A secret as it is, and percent-encoded. */
function disguises(secret: string): string[] {
	const encoded = secret.replace(/[-_]/g, (c) => (c === '-' ? '%2D' : '%5F'));
	return encoded === secret ? [secret] : [secret, encoded];
}

/** A client's secret as HTTP Basic sends it. */
function basic({ clientId, clientSecret }: Client): string[] {
	return disguises(clientSecret).map((text) =>
		Buffer.from(`${clientId}:${text}`).toString('base64'),
	);
}

/** Looks for every secret and token of the scene in everything that n8n stored, logged and answered. */
export function leakStories(scene: () => Scene): void {
	let credentials: StoredCredential[];
	let places: Record<string, string>;

	/** The other stories leave enough behind, but may not have been run. */
	async function somethingToLookFor(): Promise<void> {
		for (const form of [scene().form(), await scene().refreshTokenForm()]) {
			const saved = await scene().save({ ...form, clientSecret: scene().wrongSecret() });
			await scene().edit(saved, { clientSecret: scene().client.clientSecret });
			await scene().bundle(saved);
			const nodes = [httpRequest, vaultedOAuth2].map((node) =>
				node(scene(), saved, { path: '/me' }),
			);
			await scene().run(await scene().workflow(...nodes));
		}
	}

	beforeAll(async () => {
		await somethingToLookFor();
		const { n8n, owner, database, answers } = scene().instance;
		for (const id of database.executionIds()) await owner.request('GET', `/executions/${id}`);
		credentials = await exportCredentials(RUN, n8n);
		places = {
			[DATABASE]: JSON.stringify(credentials),
			"n8n's log": await readFile(n8n.logFile, 'utf8'),
			"n8n's answers": answers.join('\n'),
			...(await filesOf(n8n.userFolder)),
		};
	}, 180_000);

	async function placesOf(texts: readonly string[]): Promise<string[]> {
		const found: string[] = [];
		for (const [name, text] of Object.entries(places)) {
			found.push(...placesWith(texts, { [name]: text }));
			// Connections that n8n closes meanwhile have to be noticed.
			await setImmediate();
		}
		return found;
	}

	async function leaksOf(secrets: readonly string[]): Promise<string[]> {
		return await placesOf(secrets.flatMap(disguises));
	}

	/** Whatever the providers know or issued: client secrets, tokens, authorization codes. */
	function confidentialTexts(): string[] {
		const { provider, accounting } = scene();
		return [...provider.confidential(), ...accounting.provider.confidential()];
	}

	it('looks in the right places: what is not confidential is found there', async () => {
		// In every label, and in every workflow.
		const found = await placesOf([`(${scene().store.kind})`, scene().api.url]);
		expect(found).toEqual(expect.arrayContaining([DATABASE, "n8n's log", "n8n's answers"]));
		expect(found.filter((place) => basename(place).startsWith('database.sqlite'))).not.toEqual([]);
	});

	it('looks for the right secrets: the store holds them', async () => {
		const contents = await Promise.all(
			[...scene().pointers.keys()].map((secretId) => scene().store.read(secretId)),
		);
		const confidential = confidentialTexts();
		const kinds = scene().provider.issued.map(({ kind }) => kind);
		expect(new Set(kinds)).toEqual(new Set(['ClientCredentials', 'AccessToken', 'RefreshToken']));
		expect(contents).not.toEqual([]);
		for (const content of contents) {
			const { client_secret, refresh_token, token } = JSON.parse(content) as UnconnectedContent;
			const secrets = [client_secret, refresh_token, token?.access_token];
			expect(confidential).toEqual(expect.arrayContaining(secrets.filter((s) => s !== undefined)));
		}
	});

	it('no client secret and no token is anywhere but in the store', async () => {
		expect(await leaksOf(confidentialTexts())).toEqual([]);
		const { client, changingClient, app } = scene();
		expect(await placesOf([client, changingClient, app].flatMap(basic))).toEqual([]);
	});

	it('a secret that failed validation, and was corrected since, is nowhere', async () => {
		expect(scene().refused.length).toBeGreaterThan(0);
		expect(await leaksOf(scene().refused)).toEqual([]);
	});

	it('the keys of the pointers, and to the store itself, are in the database only', async () => {
		const keys = [...scene().pointers.values()].map(({ key }) => key);
		expect(await leaksOf(keys)).toEqual([DATABASE]);
		const { secretAccessKey } = TEST_IDENTITY;
		const ofStore = scene().store.kind === 'awsSecretsManager' ? [DATABASE] : [];
		expect(await leaksOf([secretAccessKey])).toEqual(ofStore);
		expect(await leaksOf([HOST_IDENTITY.secretAccessKey])).toEqual([]);
	});

	it("n8n's command line reads the same in the database as these tests", () => {
		for (const { id, data } of credentials) {
			expect(scene().instance.database.credential(id)).toEqual(data);
		}
	});
}
