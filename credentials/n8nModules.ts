/**
 * Loads a module as n8n's own core does, whatever lies beside this package: n8n puts its modules on NODE_PATH, which `require` looks at.
 *
 * @param path the modules that lead there, each found as the one before it finds it
 * @throws if this n8n has no such module
 */
export function loadAsN8n(...path: readonly string[]): unknown {
	const file = path.reduce(
		(from, name) => require.resolve(name, { paths: [from] }),
		require.resolve('n8n-core'),
	);
	// eslint-disable-next-line @typescript-eslint/no-require-imports -- see docs/adr/0019-n8n-keeps-requests.md
	return require(file) as unknown;
}
