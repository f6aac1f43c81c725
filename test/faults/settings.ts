import { readInstanceSettings, type InstanceSettings } from '../../src/config/instanceSettings';

/** What a process of n8n was started as, and with which settings in its environment. */
export interface Role {
	/** n8n's command, such as `worker`. */
	readonly command: string;
	readonly env?: Readonly<Record<string, string>>;
}

/** A worker with all settings of queue mode. */
export const WORKER: Role = { command: 'worker', env: { EXECUTIONS_MODE: 'queue' } };

/** What this package takes over from an n8n in this folder. */
export function settingsOf(userFolder: string, { command, env }: Role): InstanceSettings {
	const all = { N8N_USER_FOLDER: userFolder, N8N_ENCRYPTION_KEY: 'key of a test instance', ...env };
	return readInstanceSettings(all, command);
}
