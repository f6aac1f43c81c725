'use strict';
// CommonJS without types, because .ci/step.mjs runs on whatever Node the machine has. Its types are in processes.d.cts.

const { readdirSync, readFileSync } = require('node:fs');

/** One process, or undefined if it has ended. */
function readProcess(pid) {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
		// The second field, the name, is in parentheses and may hold some itself (proc_pid_stat(5)).
		const [state, parent, group, session, ...rest] = stat
			.slice(stat.lastIndexOf(')') + 2)
			.split(' ');
		if (state === 'Z' || state === 'X') return undefined;
		const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
		return {
			pid,
			parent: Number(parent),
			group: Number(group),
			session: Number(session),
			startedAt: rest[15],
			command: (command || stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))).slice(0, 100),
		};
	} catch {
		return undefined;
	}
}

function allProcesses() {
	let names;
	try {
		names = readdirSync('/proc');
	} catch {
		// Only Linux has it.
		return [];
	}
	return names
		.filter((name) => /^\d+$/.test(name))
		.map((name) => readProcess(Number(name)))
		.filter((found) => found !== undefined);
}

function childrenOf(pid) {
	return allProcesses().filter(({ parent }) => parent === pid);
}

/** Members by their number. When one started tells it from a later process with the same number. */
function familyOf(root) {
	const members = new Map([[root, readProcess(root)?.startedAt]]);

	return () => {
		const alive = allProcesses();
		const started = new Map(alive.map(({ pid, startedAt }) => [pid, startedAt]));
		// A group or session outlives its leader, and keeps the leader's number from being used again.
		const led = new Set(alive.flatMap(({ group, session }) => [group, session]));
		for (const [pid, startedAt] of members) {
			const isGone = started.has(pid) ? started.get(pid) !== startedAt : !led.has(pid);
			if (isGone) members.delete(pid);
		}
		for (let before = -1; before < members.size;) {
			before = members.size;
			for (const { pid, parent, group, session, startedAt } of alive)
				if ([parent, group, session].some((number) => members.has(number)))
					members.set(pid, startedAt);
		}
		return alive.filter(({ pid }) => members.has(pid));
	};
}

function killAll(processes) {
	for (const { pid } of processes) {
		try {
			process.kill(pid, 'SIGKILL');
		} catch {
			// It has ended.
		}
	}
}

function killFamily(pid) {
	killAll(familyOf(pid)());
	// Where there is no /proc, its group is all that can be found.
	killAll([{ pid: -pid }]);
}

module.exports = { childrenOf, familyOf, killAll, killFamily };
