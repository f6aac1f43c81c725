import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { installN8n } from '../../demo/harness/installN8n.ts';
import { installPackage, newUserFolder } from '../../demo/harness/installPackage.ts';
import { N8nRest } from '../../demo/harness/n8nRest.ts';
import { freePort } from '../../demo/harness/ports.ts';
import type { Run } from '../../demo/harness/run.ts';
import { startN8n, type N8nOptions, type RunningN8n } from '../../demo/harness/startN8n.ts';
import { startPostgres, startRedis } from './servers.ts';

const WORKERS = 3;
const CONCURRENCY = 20;

/** An n8n of one process or of many, as the scenarios use it. */
export interface Instance {
	readonly main: RunningN8n;
	/** Where production webhooks are called. */
	readonly webhookUrl: string;
	readonly rest: N8nRest;
	stop(): Promise<void>;
}

/** n8n in queue mode: main, a webhook processor, workers, with Redis and PostgreSQL between them. */
export interface Cluster extends Instance {
	/** The last one has no `EXECUTIONS_MODE` in its environment: n8n knows from its command that it is in queue mode. */
	readonly workers: readonly RunningN8n[];
}

/** n8n in regular mode, with PostgreSQL. */
export interface Regular extends Instance {
	/** Starts another one on the same database and user folder, as when an instance is replaced. */
	startBeside(): Promise<RunningN8n>;
}

type Start = (options: Omit<N8nOptions, 'userFolder'>) => Promise<RunningN8n>;

interface Ground {
	/** Closed in reverse order. */
	readonly closings: (() => Promise<unknown>)[];
	/** Starts an n8n on it, with the same encryption key for all. */
	readonly start: Start;
}

/** Builds something on a database and a user folder of its own, with the package installed as a user would; takes all down if that fails. */
async function built<T extends Omit<Instance, 'stop'>>(
	run: Run,
	build: (ground: Ground) => Promise<T>,
): Promise<T & Pick<Instance, 'stop'>> {
	await installN8n(run);
	const userFolder = await newUserFolder(await installPackage(run));
	const closings: Ground['closings'] = [() => rm(userFolder, { recursive: true, force: true })];
	const stop = async (): Promise<void> => {
		for (const close of closings.splice(0).reverse()) await close();
	};
	try {
		const postgres = await startPostgres(userFolder);
		closings.push(() => postgres.stop());
		const database = {
			DB_TYPE: 'postgresdb',
			DB_POSTGRESDB_HOST: '127.0.0.1',
			DB_POSTGRESDB_PORT: String(postgres.port),
			DB_POSTGRESDB_DATABASE: 'n8n',
			DB_POSTGRESDB_USER: 'n8n',
			N8N_ENCRYPTION_KEY: randomBytes(24).toString('base64url'),
		};
		const start: Start = async (options) =>
			await startN8n(run, { ...options, userFolder, env: { ...database, ...options.env } });
		return { ...(await build({ closings, start })), stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

async function signedIn(run: Run, main: RunningN8n): Promise<N8nRest> {
	const rest = new N8nRest(main.url, run.signal);
	const password = `Queue-1-${randomBytes(9).toString('base64url')}`;
	await rest.setUpOwner({ email: 'owner@example.com', password });
	return rest;
}

/** Starts queue mode, with the webhook processor on the port given. */
export async function startCluster(run: Run, webhookPort: number): Promise<Cluster> {
	return await built(run, async ({ closings, start }) => {
		const redis = await startRedis();
		closings.push(() => redis.stop());
		run.report('Redis and PostgreSQL are ready');
		const { EXECUTIONS_MODE, ...shared } = {
			EXECUTIONS_MODE: 'queue',
			QUEUE_BULL_REDIS_HOST: '127.0.0.1',
			QUEUE_BULL_REDIS_PORT: String(redis.port),
			OFFLOAD_MANUAL_EXECUTIONS_TO_WORKERS: 'false',
		};
		const env = { ...shared, EXECUTIONS_MODE };
		const main = await start({ env, logName: 'queue-main' });
		closings.push(() => main.stop());
		const webhook = start({
			env,
			port: webhookPort,
			command: ['webhook'],
			logName: 'queue-webhook',
		});
		const workers = Array.from({ length: WORKERS }, async (_, index) => {
			const healthPort = await freePort();
			const health = {
				QUEUE_HEALTH_CHECK_ACTIVE: 'true',
				QUEUE_HEALTH_CHECK_PORT: String(healthPort),
			};
			return await start({
				env: { ...(index === WORKERS - 1 ? shared : env), ...health },
				command: ['worker', `--concurrency=${CONCURRENCY}`],
				healthPort,
				logName: `queue-worker-${index + 1}`,
			});
		});
		const others = [webhook, ...workers];
		// If one does not start, those that do have to be stopped as well.
		closings.push(async () => {
			const results = await Promise.allSettled(others);
			const started = results.filter((result) => result.status === 'fulfilled');
			await Promise.all(started.map(({ value }) => value.stop()));
		});
		await Promise.all(others);
		run.report(`n8n runs in queue mode: main, a webhook processor, ${WORKERS} workers`);
		return {
			main,
			webhookUrl: (await webhook).url,
			workers: await Promise.all(workers),
			rest: await signedIn(run, main),
		};
	});
}

/** Starts regular mode. */
export async function startRegular(run: Run): Promise<Regular> {
	return await built(run, async ({ closings, start }) => {
		const main = await start({ logName: 'regular' });
		closings.push(() => main.stop());
		run.report('n8n runs in regular mode');
		const startBeside = async (): Promise<RunningN8n> => {
			const beside = await start({ logName: 'regular-beside' });
			closings.push(() => beside.stop());
			run.report('Another one runs beside it');
			return beside;
		};
		return { main, webhookUrl: main.url, rest: await signedIn(run, main), startBeside };
	});
}
