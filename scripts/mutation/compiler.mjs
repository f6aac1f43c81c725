// Tells which mutants do not compile: no test needs to notice those.
import { join } from 'node:path';
import ts from 'typescript';

/** A compiler of the project in `root` that keeps what it knows between questions; `paths` are relative to it. */
export class Compiler {
	#changed = { path: '', content: '', version: 0 };
	#service;
	#root;

	constructor(root, paths) {
		this.#root = root;
		const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
		const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
		const files = paths.map((path) => join(root, path));
		const isChanged = (path) => path === this.#changed.path;
		this.#service = ts.createLanguageService({
			...ts.sys,
			useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
			getCompilationSettings: () => options,
			getScriptFileNames: () => files,
			getScriptVersion: (path) => (isChanged(path) ? String(this.#changed.version) : '0'),
			getScriptSnapshot: (path) => {
				const content = isChanged(path) ? this.#changed.content : ts.sys.readFile(path);
				return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
			},
			getCurrentDirectory: () => root,
			getDefaultLibFileName: ts.getDefaultLibFilePath,
		});
	}

	compiles(path, content) {
		const absolute = join(this.#root, path);
		this.#changed = { path: absolute, content, version: this.#changed.version + 1 };
		return (
			this.#service.getSyntacticDiagnostics(absolute).length === 0 &&
			this.#service.getSemanticDiagnostics(absolute).length === 0
		);
	}
}
