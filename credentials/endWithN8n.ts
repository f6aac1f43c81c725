import { loadAsN8n } from './n8nModules';

/** What this file needs of n8n's dependency injection; n8n documents none of it for packages. */
interface N8nContainer {
	get(type: unknown): unknown;
	set<T>(type: new () => T, instance: T): void;
}

interface ShutdownMetadata {
	getHandlersByPriority(): readonly unknown[];
	register(priority: number, handler: { serviceClass: unknown; methodName: string }): void;
}

interface Di {
	readonly Container: N8nContainer;
}

interface Decorators {
	readonly ShutdownMetadata: unknown;
	readonly HIGHEST_SHUTDOWN_PRIORITY: number;
	readonly LOWEST_SHUTDOWN_PRIORITY: number;
}

/** True if n8n waits for `end` from now on. */
function registered(end: () => Promise<void>): boolean {
	try {
		const { Container } = loadAsN8n('@n8n/di') as Di;
		const decorators = loadAsN8n('@n8n/decorators') as Decorators;
		const shutdown = Container.get(decorators.ShutdownMetadata) as ShutdownMetadata;
		// Another copy of n8n's modules, which nobody looks at, has no handlers.
		if (shutdown.getHandlersByPriority().length === 0) return false;
		class VaultedOAuth2Connections {
			readonly end = end;
		}
		Container.set(VaultedOAuth2Connections, new VaultedOAuth2Connections());
		const handler = { serviceClass: VaultedOAuth2Connections, methodName: 'end' };
		// At once, since a worker whose jobs take too long never gets to the last; and once more, for what executions began meanwhile.
		shutdown.register(decorators.HIGHEST_SHUTDOWN_PRIORITY, handler);
		shutdown.register(decorators.LOWEST_SHUTDOWN_PRIORITY, handler);
		return true;
	} catch {
		return false;
	}
}

/** Without n8n's own shutdown nobody waits for `end`. Only beside other listeners, since the first one keeps a signal from ending the process. */
function endAtSignals(end: () => Promise<void>): void {
	for (const signal of ['SIGTERM', 'SIGINT'] as const)
		if (process.listenerCount(signal) > 0) process.once(signal, () => void end());
}

/**
 * Has n8n call `end` when it shuts down, and wait for it: docs/adr/0015-shutdown.md. If this n8n does not offer that, `end` is called at SIGTERM and
 * SIGINT, and gets as far as n8n's own shutdown takes.
 */
export function endWithN8n(end: () => Promise<void>): void {
	if (!registered(end)) endAtSignals(end);
}
