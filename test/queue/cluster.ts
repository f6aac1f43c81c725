import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { installN8n } from '../../demo/harness/installN8n.ts';
import { installPackage, newUserFolder } from '../../demo/harness/installPackage.ts';
import { N8nRest } from '../../demo/harness/n8nRest.ts';
import { freePort } from '../../demo/harness/ports.ts';
import type { Run } from '../../demo/harness/run.ts';
import { startN8n, type RunningN8n } from '../../demo/harness/startN8n.ts';
import { startPostgres, startRedis } from './servers.ts';

const WORKERS = 3;
const CONCURRENCY = 20;

/** n8n in queue mode: main, a webhook processor, workers, with Redis and PostgreSQL between them. */
export interface Cluster {
	readonly main: RunningN8n;
	/** Where production webhooks are called. */
	readonly webhookUrl: string;
	readonly rest: N8nRest;
	stop(): Promise<void>;
}

/** Starts them all, with the package installed as a user would. */
export async function startCluster(run: Run): Promise<Cluster> {
	await installN8n(run);
	const userFolder = await newUserFolder(await installPackage(run));
	const closings: (() => Promise<unknown>)[] = [
		() => rm(userFolder, { recursive: true, force: true }),
	];
	const stop = async (): Promise<void> => {
		for (const close of closings.splice(0).reverse()) await close();
	};
	try {
		const redis = await startRedis();
		closings.push(() => redis.stop());
		const postgres = await startPostgres(userFolder);
		closings.push(() => postgres.stop());
		run.report('Redis and PostgreSQL are ready');
		const env = {
			EXECUTIONS_MODE: 'queue',
			QUEUE_BULL_REDIS_HOST: '127.0.0.1',
			QUEUE_BULL_REDIS_PORT: String(redis.port),
			DB_TYPE: 'postgresdb',
			DB_POSTGRESDB_HOST: '127.0.0.1',
			DB_POSTGRESDB_PORT: String(postgres.port),
			DB_POSTGRESDB_DATABASE: 'n8n',
			DB_POSTGRESDB_USER: 'n8n',
			N8N_ENCRYPTION_KEY: randomBytes(24).toString('base64url'),
			OFFLOAD_MANUAL_EXECUTIONS_TO_WORKERS: 'false',
		};
		const main = await startN8n(run, { userFolder, env, logName: 'queue-main' });
		closings.push(() => main.stop());
		const webhook = startN8n(run, {
			userFolder,
			env,
			command: ['webhook'],
			logName: 'queue-webhook',
		});
		const workers = Array.from({ length: WORKERS }, async (_, index) => {
			const healthPort = await freePort();
			const health = {
				QUEUE_HEALTH_CHECK_ACTIVE: 'true',
				QUEUE_HEALTH_CHECK_PORT: String(healthPort),
			};
			return await startN8n(run, {
				userFolder,
				env: { ...env, ...health },
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
		const rest = new N8nRest(main.url, run.signal);
		const password = `Queue-1-${randomBytes(9).toString('base64url')}`;
		await rest.setUpOwner({ email: 'owner@example.com', password });
		return { main, webhookUrl: (await webhook).url, rest, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}
