import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Connections } from '../../src/connections';
import { createEgress } from '../../src/http/createEgress';
import { Concurrency } from '../../src/http/limiter';
import {
	startSecretsManagerServer,
	TEST_IDENTITY,
	type SecretsManagerServer,
} from '../support/secretsManagerServer';
import { connectAccount, formOf, REGULAR, type Form } from './environment';
import { startStrictProvider, type StrictProvider } from './strictProvider';

/*
 * The store refuses writes right after the provider has rotated refresh tokens, and nobody calls any more: real timers, real HTTP, the real
 * AWS SDK, real files.
 */

const CONNECTIONS = 100;
/** As many as one provider is asked at once. */
const PER_PROVIDER = 10;
const SAVED_WITHIN_MS = 10_000;
/** At 25 writes a second, of which a callback needs two. */
const ARRIVED_WITHIN_MS = 30_000;
const HOUR_MS = 3_700_000;

type Way = 'refresh' | 'callback';

interface Kind {
	readonly name: string;
	readonly store: 'awsSecretsManager' | 'localVault';
	refuse(place: Stores): Promise<void> | void;
	/** Undoes it. */
	accept(place: Stores): Promise<void> | void;
}

const KINDS: readonly Kind[] = [
	{
		name: 'throttling',
		store: 'awsSecretsManager',
		refuse: ({ aws }) =>
			aws.fail({ action: 'PutSecretValue', kind: 'throttling', times: Infinity }),
		accept: ({ aws }) => aws.clearFaults(),
	},
	{
		name: 'AccessDenied',
		store: 'awsSecretsManager',
		refuse: ({ aws }) => aws.deny(TEST_IDENTITY.accessKeyId, 'PutSecretValue'),
		accept: ({ aws }) => aws.allow(TEST_IDENTITY.accessKeyId, 'PutSecretValue'),
	},
	{
		name: 'connection refused',
		store: 'awsSecretsManager',
		refuse: async ({ wire }) => await wire.cut(),
		accept: async ({ wire }) => await wire.mend(),
	},
	{
		// As when a volume is not mounted.
		name: 'the vault folder is gone',
		store: 'localVault',
		refuse: async ({ vault }) => {
			await rename(vault, `${vault}-elsewhere`);
			await writeFile(vault, '');
		},
		accept: async ({ vault }) => {
			await rm(vault);
			await rename(`${vault}-elsewhere`, vault);
		},
	},
];

/** A TCP port in front of another one, which can be closed. */
class Wire {
	private server: Server | undefined;
	private readonly sockets = new Set<Socket>();

	private constructor(
		private readonly target: number,
		private port: number,
	) {}

	static async to(target: number): Promise<Wire> {
		const wire = new Wire(target, 0);
		await wire.mend();
		return wire;
	}

	get url(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	/** From now on connections are refused. */
	async cut(): Promise<void> {
		const { server } = this;
		if (server === undefined) return;
		this.server = undefined;
		const closed = new Promise((resolve) => server.close(resolve));
		for (const socket of this.sockets) socket.destroy();
		await closed;
	}

	async mend(): Promise<void> {
		const server = createServer((near) => {
			const far = connect(this.target, '127.0.0.1');
			for (const [socket, other] of [
				[near, far],
				[far, near],
			] as const) {
				this.sockets.add(socket);
				socket.pipe(other);
				socket.on('error', () => other.destroy());
				socket.on('close', () => this.sockets.delete(socket));
			}
		});
		await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
		const address = server.address();
		if (typeof address === 'object' && address !== null) this.port = address.port;
		this.server = server;
	}
}

/** Where connections are stored. */
interface Stores {
	readonly aws: SecretsManagerServer;
	readonly wire: Wire;
	readonly folder: string;
	readonly vault: string;
}

async function openStores(): Promise<Stores> {
	const aws = await startSecretsManagerServer();
	const folder = await mkdtemp(join(tmpdir(), 'unsaved-'));
	const wire = await Wire.to(Number(new URL(aws.url).port));
	return { aws, wire, folder, vault: join(folder, 'vaulted-oauth2') };
}

async function closeStores({ aws, wire, folder }: Stores): Promise<void> {
	await wire.cut();
	await aws.close();
	await rm(folder, { recursive: true, force: true });
}

/** A token request has 15 s, in which 100 of them have to arrive: one run at a time comes to that. */
const turns = new Concurrency(1);

/** What came of one run. */
interface Run {
	readonly saved: number;
	/** From the store's return until all were saved. */
	readonly tookMs: number;
	readonly unsavedBefore: number;
}

/** Rotates 100 refresh tokens, refuses every write from then on for a while, and counts what is stored afterwards. */
async function run(kind: Kind, way: Way, refusedMs: number): Promise<Run> {
	const stores = await openStores();
	const providers: StrictProvider[] = [];
	for (let count = 0; count < CONNECTIONS / PER_PROVIDER; count += 1)
		providers.push(await startStrictProvider());
	let ahead = 0;
	const connections = processOf(stores, () => ahead);
	const reader = processOf(stores, () => ahead);
	/** Ends when the provider has answered and the store refuses. */
	const rotate = async (): Promise<{ forms: Form[]; using: Promise<void>[] }> => {
		const seal = async (number: number): Promise<Form> => {
			const provider = providers[number % providers.length]!;
			const form = formOf(way === 'refresh' ? 'refreshToken' : 'authorizationCode', {
				label: `Unsaved ${number}`,
				tokenUrl: provider.tokenUrl,
				...(way === 'refresh' ? { refreshToken: provider.mint() } : {}),
				secretStore: kind.store,
				awsAccessKeyId: TEST_IDENTITY.accessKeyId,
				awsSecretAccessKey: TEST_IDENTITY.secretAccessKey,
				awsEndpoint: stores.wire.url,
			});
			return { ...form, ...(await connections.seal(await connections.read(form))) };
		};
		const forms: Form[] = [];
		while (forms.length < CONNECTIONS) {
			const batch = Array.from({ length: PER_PROVIDER }, (_, number) => forms.length + number);
			forms.push(...(await Promise.all(batch.map(seal))));
		}
		ahead = HOUR_MS;
		let release: () => void = () => undefined;
		const held = new Promise<void>((resolve) => (release = resolve));
		for (const provider of providers) Object.assign(provider, { held, arrived: 0 });
		const using = forms.map(async (form) => {
			const open = connections.open(await connections.read(form));
			await (way === 'refresh' ? open.tokens.get() : connectAccount(open));
		});
		// What fails is reported where they are awaited.
		void Promise.allSettled(using);
		const arrived = (): number => sum(providers.map((provider) => provider.arrived));
		const deadline = performance.now() + ARRIVED_WITHIN_MS;
		while (arrived() < CONNECTIONS) {
			if (performance.now() > deadline) throw new Error(`Only ${arrived()} requests arrived`);
			await pause(10);
		}
		await kind.refuse(stores);
		release();
		return { forms, using };
	};
	try {
		const { forms, using } = await turns.run('rotate', rotate);
		const returned = pause(refusedMs);
		await Promise.all(using);
		await returned;
		const statuses = await Promise.all(
			forms.map(async (form) => connections.open(await connections.read(form))),
		);
		const unsavedBefore = statuses.filter(({ tokens }) => tokens.status().unsaved).length;
		await kind.accept(stores);
		const since = performance.now();
		let saved = 0;
		while (saved < CONNECTIONS && performance.now() - since < SAVED_WITHIN_MS) {
			await pause(100);
			const stored = await Promise.all(forms.map(async (form) => await refreshToken(reader, form)));
			const isNewest = (token: string): boolean =>
				providers.some(({ rotation }) => rotation.isValid(token));
			saved = stored.filter(isNewest).length;
		}
		return { saved, tookMs: performance.now() - since, unsavedBefore };
	} finally {
		await connections.end();
		for (const provider of providers) await provider.close();
		await closeStores(stores);
	}
}

function processOf({ folder }: Stores, ahead: () => number): Connections {
	return new Connections({
		settings: { ...REGULAR, userFolder: folder },
		egress: createEgress(undefined, {}),
		now: () => Date.now() + ahead(),
		elapsed: () => performance.now(),
		emit: () => undefined,
	});
}

async function refreshToken(reader: Connections, form: Form): Promise<string> {
	const { store, secretRef } = reader.open(await reader.read(form));
	const { content } = await store.read(secretRef.secretId);
	const { refresh_token: token = '' } = JSON.parse(content) as { refresh_token?: string };
	return token;
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((total, number) => total + number, 0);
}

/** @throws if anything is not saved in time */
async function assertSaved(cases: readonly (readonly [Kind, Way])[], refusedMs: number) {
	const results = await Promise.all(
		cases.map(async ([kind, way]) => ({
			kind: kind.name,
			way,
			...(await run(kind, way, refusedMs)),
		})),
	);
	for (const result of results)
		expect(result).toMatchObject({ saved: CONNECTIONS, unsavedBefore: CONNECTIONS });
}

it.each(KINDS.map((kind) => [kind.name, kind] as const))(
	'%s for 2.5 s right after refreshes and callbacks: all are saved within 10 s of its return, and nobody calls',
	async (_name, kind) => {
		const ways: readonly Way[] = ['refresh', 'callback'];
		await assertSaved(
			ways.map((way) => [kind, way]),
			2_500,
		);
	},
);

it('the same for 60 s', async () => {
	const ways: readonly Way[] = ['refresh', 'callback'];
	await assertSaved(
		[...KINDS].reverse().map((kind, number) => [kind, ways[number % 2]!]),
		60_000,
	);
}, 240_000);
