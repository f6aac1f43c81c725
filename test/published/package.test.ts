import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import manifest from '../../package.json';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');
const BUILD_TIMEOUT = 120_000;

/** Everything a user needs, and nothing else. */
const ALLOWED = [
	/^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
	/^dist\/(credentials|nodes|src)\/(?!.*\.(test|spec)\.)[\w./]+\.js$/,
	/^dist\/(credentials|nodes)\/[\w./]+\.svg$/,
	/^dist\/nodes\/\w+\/\w+\.node\.json$/,
	/^dist\/(known|types)\/(credentials|nodes)\.json$/,
];

interface Icons {
	iconUrl?: { light: string; dark: string };
}

describe('the package as published', () => {
	let folder: string;
	let files: string[];

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'vaulted-package-'));
		const documents = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];
		await Promise.all(documents.map((name) => cp(join(ROOT, name), join(folder, name))));
		await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
		await run(process.execPath, [join(ROOT, 'scripts', 'build.mjs')], { env: buildEnvironment() });
		const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
			cwd: folder,
		});
		const [packed] = JSON.parse(stdout) as [{ files: { path: string }[] }];
		files = packed.files.map(({ path }) => path);
	}, BUILD_TIMEOUT);

	afterAll(async () => {
		await rm(folder, { recursive: true, force: true });
	});

	const buildEnvironment = () => ({ ...process.env, BUILD_DIR: join(folder, 'dist') });
	const readJson = async <T>(file: string) =>
		JSON.parse(await readFile(join(folder, file), 'utf8')) as T;

	test('holds only what a user needs', () => {
		expect(files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)))).toEqual([]);
		expect(files).toEqual(
			expect.arrayContaining([
				'package.json',
				'README.md',
				'LICENSE',
				'CHANGELOG.md',
				manifest.main,
			]),
		);
	});

	test('is found by the Community Nodes page', () => {
		expect(manifest.name).toMatch(/^n8n-nodes-/);
		expect(manifest.keywords).toContain('n8n-community-node-package');
	});

	test.each(['credentials', 'nodes'] as const)(
		'n8n loads exactly the %s it names',
		async (kind) => {
			const known = await readJson<Record<string, { sourcePath: string }>>(
				`dist/known/${kind}.json`,
			);
			const loaded = Object.values(known).map(({ sourcePath }) => sourcePath);
			expect(loaded.sort()).toEqual([...manifest.n8n[kind]].sort());
			expect(files).toEqual(expect.arrayContaining(loaded));
		},
	);

	test('is installed by npm without a second n8n-workflow, which n8n would not use', async () => {
		// Elsewhere, since npm looks into the folders above too.
		const project = await mkdtemp(join(tmpdir(), 'vaulted-project-'));
		const alone = join(project, 'alone');
		await mkdir(alone);
		// Its libraries would come from the registry; the peer must not.
		const { dependencies: _, devDependencies: __, scripts: ___, ...rest } = manifest;
		await writeFile(join(alone, 'package.json'), JSON.stringify(rest));
		await writeFile(join(project, 'package.json'), '{"private":true}');
		const { stdout } = await run('npm', ['pack', alone, '--silent'], { cwd: project });
		await run(
			'npm',
			['install', '--offline', '--ignore-scripts', '--legacy-peer-deps=false', stdout.trim()],
			{ cwd: project },
		);
		const installed = await readdir(join(project, 'node_modules'));
		await rm(project, { recursive: true });
		expect(installed.filter((name) => !name.startsWith('.'))).toEqual([manifest.name]);
	});

	test('shows one light and one dark icon for credential and node', async () => {
		const types = await Promise.all(
			['credentials', 'nodes'].map((kind) => readJson<Icons[]>(`dist/types/${kind}.json`)),
		);
		const icons = types.flat().map(({ iconUrl }) => iconUrl);
		for (const theme of ['light', 'dark'] as const) {
			const packed = icons.map((icon) => icon![theme].replace(`icons/${manifest.name}/`, ''));
			expect(files).toEqual(expect.arrayContaining(packed));
			const drawings = await Promise.all(
				packed.map((file) => readFile(join(folder, file), 'utf8')),
			);
			expect(new Set(drawings).size).toBe(1);
		}
	});

	test('imports what it declares, no more and no less', async () => {
		const sources = files.filter((file) => file.endsWith('.js'));
		const texts = await Promise.all(sources.map((file) => readFile(join(folder, file), 'utf8')));
		const imported = texts
			.flatMap((text) => [...text.matchAll(/\b(?:require|import)\(['"]([^'".][^'"]*)['"]\)/g)])
			.map(([, specifier]) => specifier!)
			.filter((specifier) => !specifier.startsWith('node:') && !builtinModules.includes(specifier))
			.map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)![0]);
		const declared = [
			...Object.keys(manifest.dependencies),
			...Object.keys(manifest.peerDependencies),
		];
		expect([...new Set(imported)].sort()).toEqual(declared.sort());
	});

	test('has a command that runs as built', async () => {
		const command = manifest.bin[manifest.name as keyof typeof manifest.bin];
		expect(files).toContain(command);
		expect(await readFile(join(folder, command), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
		const usage = run(process.execPath, [join(folder, command)], { env: buildEnvironment() });
		await expect(usage).rejects.toMatchObject({
			code: 2,
			stderr: expect.stringContaining('rotate-vault-key') as string,
		});
	});

	test('loads without its libraries, which come on first use', async () => {
		const { stdout } = await run(process.execPath, [join(ROOT, 'scripts', 'smoke.mjs')], {
			env: buildEnvironment(),
		});
		expect(stdout).toContain('VaultedOAuth2Api (vaultedOAuth2Api) loads');
	});
});
