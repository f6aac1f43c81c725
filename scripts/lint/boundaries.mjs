/**
 * Who may import what, as lint rules (docs/adr/0006-boundaries-by-lint.md).
 *
 * A ban covers static imports, re-exports, `import()` and `import('…')` as a type; `require` is refused everywhere, by
 * no-require-imports.
 */

/** Libraries and their doors: the only files that may import them. */
const DOORS = [
	{ libraries: '(openid-client|oauth4webapi)(/|$)', door: 'src/oauth', lazily: true },
	{ libraries: '(@aws-sdk|@smithy)/', door: 'src/secrets/aws*', lazily: true },
	{
		libraries:
			'(undici|axios|https?-proxy-agent|socks-proxy-agent|proxy-agent|proxy-from-env)(/|$)',
		door: 'src/http',
		lazily: true,
	},
	{ libraries: '((node:)?(https?|http2|net|tls))$', door: 'src/http' },
	{ libraries: 'ajv(/|$)', door: 'src/config', lazily: true },
	{ libraries: 'jose(/|$)', door: ['src/authorization', 'src/oauth'], lazily: true },
];

/** The folders of src, and which others each may use at run time. By their types, as ports, it may know all of them. */
const LAYERS = {
	config: [],
	http: [],
	secrets: ['config', 'http'],
	oauth: ['config', 'http', 'secrets'],
	tokens: ['secrets'],
	authorization: ['config', 'oauth', 'secrets', 'tokens'],
};

const NO_N8N = { regex: '^(n8n-|@n8n/)', message: 'src knows nothing of n8n.' };

const NO_INDEX = {
	regex: '^\\.\\.?(/index)?$',
	message:
		'src/index.ts is the door for nodes and credentials; used inside src it closes a circle.',
};

function otherLayers(own) {
	const others = Object.keys(LAYERS).filter((name) => name !== own && !LAYERS[own].includes(name));
	return {
		regex: `^\\.\\./(.*/)?(${others.join('|')})(/|$)`,
		allowTypeImports: true,
		message: `src/${own} knows this layer by its types only; src/index.ts puts the parts together.`,
	};
}

function libraries(own) {
	return DOORS.flatMap(({ libraries, door, lazily }) => {
		const regex = `^${libraries}`;
		const doors = [door].flat();
		if (!doors.includes(own))
			return [{ regex, message: `Only ${doors.join(' and ')} may import this library.` }];
		if (!lazily) return [];
		return [
			{
				regex,
				allowTypeImports: true,
				allowDynamicImport: true,
				message: 'Load it on first use by `await import(…)`, so that starting n8n does not pay.',
			},
		];
	});
}

const selector = (kind, { regex, message }) => ({
	selector: `${kind}[source.value=/${regex.replaceAll('/', '\\/')}/]`,
	message,
});

function forbid(bans) {
	return {
		'@typescript-eslint/no-restricted-imports': [
			'error',
			{ patterns: bans.map(({ allowDynamicImport: _, ...pattern }) => pattern) },
		],
		'no-restricted-syntax': [
			'error',
			...bans
				.filter(({ allowDynamicImport }) => !allowDynamicImport)
				.map((ban) => selector('ImportExpression', ban)),
			...bans
				.filter(({ allowTypeImports }) => !allowTypeImports)
				.map((ban) => selector('TSImportType', ban)),
		],
	};
}

const layer = (own) => ({
	files: [`src/${own}/**/*.ts`],
	rules: forbid([NO_N8N, NO_INDEX, otherLayers(own), ...libraries(`src/${own}`)]),
});

/** For eslint.config.mjs. */
export const boundaries = [
	{ files: ['src/*.ts'], rules: forbid([NO_N8N, ...libraries('')]) },
	...Object.keys(LAYERS).map(layer),
	{
		files: ['src/secrets/aws*.ts', 'src/secrets/aws*/**/*.ts'],
		rules: forbid([NO_N8N, NO_INDEX, otherLayers('secrets'), ...libraries('src/secrets/aws*')]),
	},
	{
		files: ['nodes/**/*.ts', 'credentials/**/*.ts'],
		rules: forbid([
			{
				regex: '^(?!\\.|n8n-workflow$)',
				message: 'nodes and credentials import n8n-workflow and src/index.ts only.',
			},
			{
				regex: '^(\\.\\./)+src/(?!index$)',
				message: 'src/index.ts is the only door to src.',
			},
			{
				regex: '^(\\.\\./)+(credentials|nodes|test|demo|scripts)/',
				message: 'nodes and credentials share by src/index.ts only.',
			},
		]),
	},
];
