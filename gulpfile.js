const { dest, src } = require('gulp');

/** Copies what n8n reads beside the compiled classes: icons and codex files. */
function copyStaticFiles() {
	return src(['{nodes,credentials}/**/*.{png,svg}', 'nodes/**/*.node.json'], {
		base: '.',
		encoding: false,
	}).pipe(dest(process.env.BUILD_DIR ?? 'dist'));
}

exports.default = copyStaticFiles;
