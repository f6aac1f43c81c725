'use strict';
// CommonJS without types, because jest loads reporters as they are.

const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const LINES = 40;

/** Prints what n8n logged last, as soon as a test has failed. The log holds no secret: that is tested as well. */
module.exports = class N8nLogReporter {
	constructor({ rootDir }) {
		this.logFile = join(rootDir, '.cache', 'logs', 'n8n-e2e.log');
	}

	onTestCaseResult(_test, { status, fullName }) {
		if (status !== 'failed') return;
		process.stderr.write(`\nn8n's log at the end of "${fullName}" (${this.logFile}):\n`);
		process.stderr.write(`${this.lastLines()}\n\n`);
	}

	lastLines() {
		try {
			return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-LINES).join('\n');
		} catch (error) {
			return `It cannot be read: ${error.message}`;
		}
	}
};
