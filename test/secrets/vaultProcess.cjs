/**
 * A process of its own with a local vault, told by its parent what to do:
 * `node vaultProcess.cjs FOLDER KEY NAME`, then messages `{ write, base, dieAt }` or `{ count: true }`.
 */
const { dieInCall } = require('./dieInCall.cjs');
const { localVault } = require('../../src/secrets/localVault.ts');

const [folder, encryptionKey, name] = process.argv.slice(2);
const vault = localVault({ folder, encryptionKey });

process.on('message', async (task) => {
	if (task.count) {
		await countForEver();
		return;
	}
	dieInCall(task.dieAt ?? Infinity);
	try {
		const { versionId } = await vault.write(name, task.write, task.base);
		dieInCall(Infinity);
		process.send({ won: versionId });
	} catch (error) {
		process.send({ lost: error.name });
	}
});
process.send('ready');

/** Adds one to `n` again and again, and says so each time it is written. */
async function countForEver() {
	for (;;) {
		const { content, versionId } = await vault.read(name);
		const current = JSON.parse(content);
		const next = { ...current, n: current.n + 1 };
		await vault.write(name, JSON.stringify(next), versionId);
		process.send({ written: next.n });
	}
}
