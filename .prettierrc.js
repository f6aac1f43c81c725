/** n8n's own settings. @type {import('prettier').Config} */
module.exports = {
	semi: true,
	trailingComma: 'all',
	bracketSpacing: true,
	useTabs: true,
	tabWidth: 2,
	arrowParens: 'always',
	singleQuote: true,
	quoteProps: 'as-needed',
	endOfLine: 'lf',
	printWidth: 100,
	overrides: [
		// npm writes package.json with spaces; YAML knows no tabs; in Markdown tabs would change lists.
		{ files: ['package.json', '*.yml', '*.yaml', '*.md'], options: { useTabs: false } },
	],
};
