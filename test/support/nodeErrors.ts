import { types } from 'node:util';

/**
 * Jest runs tests in a realm of its own, where an error of Node's core (`ECONNRESET`, …) is no `instanceof Error`. The AWS SDK asks
 * exactly that, and then loses name and code of the error and does not retry. Importing this file makes the test realm answer as
 * Node does outside Jest.
 */
Object.defineProperty(Error, Symbol.hasInstance, {
	configurable: true,
	value(this: unknown, value: unknown): boolean {
		if (this === Error && types.isNativeError(value)) return true;
		return Function.prototype[Symbol.hasInstance].call(this, value);
	},
});
