import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { exportCredentials, type StoredCredential } from '../../../demo/harness/n8nCli';
import { placesWith } from '../../../demo/leaks';
import { TEST_IDENTITY } from '../../support/secretsManagerServer';
import { HOST_IDENTITY, RUN } from '../support/instance';
import type { Scene, SealedContent } from '../support/scene';

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

/** A secret as it is, percent-encoded, and as HTTP Basic sends it. */
function disguises(secret: string, clientIds: readonly string[]): string[] {
	const encoded = secret.replace(/[-_]/g, (c) => (c === '-' ? '%2D' : '%5F'));
	const basic = clientIds.flatMap((clientId) =>
		[secret, encoded].map((text) => Buffer.from(`${clientId}:${text}`).toString('base64')),
	);
	return [secret, encoded, ...basic];
}

/** Looks for every secret and token of the scene in everything that n8n stored, logged and answered. */
export function leakStories(scene: () => Scene): void {
	let credentials: StoredCredential[];
	let places: Record<string, string>;

	beforeAll(async () => {
		const { n8n, owner, database, answers } = scene().instance;
		for (const id of database.executionIds()) await owner.request('GET', `/executions/${id}`);
		credentials = await exportCredentials(RUN, n8n);
		places = {
			[DATABASE]: JSON.stringify(credentials),
			"n8n's log": await readFile(n8n.logFile, 'utf8'),
			"n8n's answers": answers.join('\n'),
			...(await filesOf(n8n.userFolder)),
		};
	});

	function leaksOf(secrets: Iterable<string>): string[] {
		const clientIds = [scene().client.clientId, scene().changingClient.clientId];
		return placesWith(
			[...secrets].flatMap((secret) => disguises(secret, clientIds)),
			places,
		);
	}

	it('looks in the right places: what is not confidential is found there', () => {
		const found = leaksOf([scene().client.clientId]).map((place) => place.split(sep).at(-1));
		expect(found).toEqual(
			expect.arrayContaining([DATABASE, "n8n's log", "n8n's answers", 'database.sqlite']),
		);
	});

	it('looks for the right secrets: the store holds them', async () => {
		const contents = await Promise.all(
			[...scene().pointers.keys()].map((secretId) => scene().store.read(secretId)),
		);
		const confidential = scene().provider.confidential();
		const kinds = scene().provider.issued.map(({ kind }) => kind);
		expect(new Set(kinds)).toEqual(new Set(['ClientCredentials', 'AccessToken', 'RefreshToken']));
		expect(contents.length).toBeGreaterThan(10);
		for (const content of contents) {
			const { client_secret, refresh_token, token } = JSON.parse(content) as SealedContent;
			const secrets = [client_secret, refresh_token, token.access_token];
			expect(confidential).toEqual(expect.arrayContaining(secrets.filter((s) => s !== undefined)));
		}
	});

	it('no client secret and no token is anywhere but in the store', () => {
		expect(leaksOf(scene().provider.confidential())).toEqual([]);
	});

	it('a secret that failed validation, and was corrected since, is nowhere', () => {
		expect(scene().refused.length).toBeGreaterThan(0);
		expect(leaksOf(scene().refused)).toEqual([]);
	});

	it('the keys of the pointers, and to the store itself, are in the database only', () => {
		const keys = [...scene().pointers.values()].map(({ key }) => key);
		expect(leaksOf(keys)).toEqual([DATABASE]);
		const { secretAccessKey } = TEST_IDENTITY;
		const ofStore = scene().store.kind === 'awsSecretsManager' ? [DATABASE] : [];
		expect(leaksOf([secretAccessKey])).toEqual(ofStore);
		expect(leaksOf([HOST_IDENTITY.secretAccessKey])).toEqual([]);
	});

	it("n8n's command line reads the same in the database as these tests", () => {
		for (const { id, data } of credentials) {
			expect(scene().instance.database.credential(id)).toEqual(data);
		}
	});
}
