import { Container } from '@n8n/di';
import {
	HIGHEST_SHUTDOWN_PRIORITY,
	LOWEST_SHUTDOWN_PRIORITY,
	ShutdownMetadata,
} from '@n8n/decorators';

import { endWithN8n } from '../../credentials/endWithN8n';

/** A signal that reaches this process's own listeners only. */
const SIGNAL = 'SIGTERM';

class PartOfN8n {
	readonly stop = (): void => undefined;
}

let shutdown: ShutdownMetadata;

beforeEach(() => {
	shutdown = Container.get(ShutdownMetadata);
	shutdown.clear();
});
afterEach(() => {
	shutdown.clear();
	process.removeAllListeners(SIGNAL);
	process.removeAllListeners('SIGINT');
});

/** Calls what is registered with a priority as n8n's ShutdownService does. */
async function shutDown(priority: number): Promise<void> {
	for (const { serviceClass, methodName } of shutdown.getHandlersByPriority()[priority] ?? []) {
		const service = Container.get(serviceClass as new () => Record<string, () => Promise<void>>);
		await service[methodName]?.call(service);
	}
}

it('is called, and waited for, first and last when n8n shuts down', async () => {
	shutdown.register(100, { serviceClass: PartOfN8n, methodName: 'stop' } as never);
	let calls = 0;
	endWithN8n(async () => {
		await Promise.resolve();
		calls += 1;
	});

	await shutDown(HIGHEST_SHUTDOWN_PRIORITY);
	expect(calls).toBe(1);
	await shutDown(LOWEST_SHUTDOWN_PRIORITY);
	expect(calls).toBe(2);
	expect(process.listenerCount(SIGNAL)).toBe(0);
});

it('is called at a signal if n8n does not offer that', () => {
	process.once(SIGNAL, () => undefined);
	let calls = 0;
	endWithN8n(() => Promise.resolve(void (calls += 1)));
	expect(shutdown.getHandlersByPriority()).toHaveLength(0);

	process.emit(SIGNAL);

	expect(calls).toBe(1);
});

it('keeps no signal from ending a process that nobody else keeps from it', () => {
	endWithN8n(() => Promise.resolve());

	expect(process.listenerCount(SIGNAL)).toBe(0);
});
