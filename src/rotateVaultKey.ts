import { readInstanceSettings } from './config/instanceSettings';
import { VaultedOAuth2Error } from './errors';
import { vaultFolderOf } from './secrets/openStore';
import { rotateVault, type Rotated } from './secrets/vault/rotate';

/**
 * The command `rotate-vault-key`: writes every secret of the local vault under its current key.
 *
 * @param env n8n's own
 * @param print takes one line
 * @returns the exit code: 0 if nothing is left under another key
 */
export async function rotateVaultKey(
	env: NodeJS.ProcessEnv,
	print: (line: string) => void,
): Promise<number> {
	const count: Record<Rotated['outcome'], number> = { rewritten: 0, unchanged: 0, failed: 0 };
	try {
		const settings = readInstanceSettings(env);
		const folder = vaultFolderOf(settings);
		print(`Local vault: ${folder}`);
		const { encryptionKey = '', previousEncryptionKey: previousKey } = settings;
		await rotateVault({ folder, encryptionKey, previousKey }, ({ folder, outcome, reason }) => {
			count[outcome] += 1;
			if (reason !== undefined) print(`${folder}: ${reason}`);
		});
	} catch (error) {
		if (!(error instanceof VaultedOAuth2Error)) throw error;
		print(error.message);
		return 1;
	}
	const { rewritten, unchanged, failed } = count;
	print(`${rewritten} rewritten, ${unchanged} under the current key before, ${failed} failed.`);
	print(
		failed === 0
			? 'Nothing is left under another key: VAULTED_OAUTH2_VAULT_PREVIOUS_KEY can be removed, also from n8n.'
			: 'Leave VAULTED_OAUTH2_VAULT_PREVIOUS_KEY set, and run this again when the reasons are dealt with.',
	);
	return failed === 0 ? 0 : 1;
}
