// Adds up Jest's result files: `N passed, N failed`, and how many were skipped where any were.
import { readFileSync } from 'node:fs';

const total = { passed: 0, failed: 0, skipped: 0 };
let succeeded = process.argv.length > 2;

for (const file of process.argv.slice(2)) {
	const result = JSON.parse(readFileSync(file, 'utf8'));
	total.passed += result.numPassedTests;
	// A file that does not even load fails without counting a test.
	total.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
	total.skipped += result.numPendingTests + result.numTodoTests;
	succeeded &&= result.success;
}

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
if (!succeeded || total.failed > 0 || total.passed === 0) process.exitCode = 1;
