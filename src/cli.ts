#!/usr/bin/env node
import { rotateVaultKey } from './rotateVaultKey';

const USAGE = `Usage: n8n-nodes-vaulted-oauth2 rotate-vault-key

Writes every secret of the local vault under its current key (VAULTED_OAUTH2_VAULT_KEY, else n8n's encryption key). The
former key is in VAULTED_OAUTH2_VAULT_PREVIOUS_KEY. Needs the environment of n8n itself, which may run meanwhile.
`;

async function main(): Promise<number> {
	const [command, ...others] = process.argv.slice(2);
	if (command !== 'rotate-vault-key' || others.length > 0) {
		process.stderr.write(USAGE);
		return 2;
	}
	return await rotateVaultKey(process.env, (line) => process.stdout.write(`${line}\n`));
}

void main().then((exitCode) => {
	process.exitCode = exitCode;
});
