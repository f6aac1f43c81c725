import dns from 'node:dns';
import { isIP, Socket, type TcpNetConnectOpts } from 'node:net';

/** What Node passes on: the options alone, or in a list with what is called once the connection stands. */
type ConnectArguments = [TcpNetConnectOpts | [TcpNetConnectOpts, ...unknown[]], ...unknown[]];

/**
 * Leads every connection of this process to 127.0.0.1, on the port it asked for, after its name was resolved as it would have been: so
 * that a test can ask for any address of the world and nothing leaves the machine. `jest.restoreAllMocks()` ends it.
 */
export function redirectSockets(): void {
	const connect = Socket.prototype.connect as (...args: ConnectArguments) => Socket;
	const redirected = function (this: Socket, ...args: ConnectArguments): Socket {
		const [options] = Array.isArray(args[0]) ? args[0] : [args[0]];
		const { host = 'localhost', lookup = dns.lookup } = options;
		const proceed = (): Socket => {
			options.host = '127.0.0.1';
			return connect.apply(this, args);
		};
		if (isIP(host) !== 0) return proceed();
		// Node keeps back what is written meanwhile.
		Object.assign(this, { connecting: true });
		lookup(host, { all: true }, (error) => {
			if (error) this.destroy(error);
			else proceed();
		});
		return this;
	};
	jest.spyOn(Socket.prototype, 'connect').mockImplementation(redirected as Socket['connect']);
}

/** What the DNS answers: a name without addresses does not exist. `jest.restoreAllMocks()` ends it. */
export function answerLookups(addressesOf: (name: string) => readonly string[]): void {
	const lookup = (
		name: string,
		{ all }: dns.LookupOptions,
		answer: (error: Error | null, ...found: unknown[]) => void,
	): void => {
		const found = addressesOf(name).map((address) => ({ address, family: isIP(address) }));
		const [first] = found;
		setImmediate(() => {
			if (first === undefined) {
				answer(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }));
			} else if (all === true) answer(null, found);
			else answer(null, first.address, first.family);
		});
	};
	jest.spyOn(dns, 'lookup').mockImplementation(lookup as typeof dns.lookup);
}
