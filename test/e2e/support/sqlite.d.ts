/** What the tests use of a module that Node 24 has, and the types of Node 20 do not. */
declare module 'node:sqlite' {
	class DatabaseSync {
		constructor(path: string, options?: { readOnly?: boolean });
		prepare(sql: string): {
			all(...parameters: (string | number)[]): Record<string, unknown>[];
			run(...parameters: (string | number)[]): unknown;
		};
		exec(sql: string): void;
		close(): void;
	}
}
