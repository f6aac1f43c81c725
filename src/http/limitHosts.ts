import { EgressError, type Egress } from './egress';

/**
 * An egress that goes to allowed addresses only, and otherwise rejects with EgressError `BLOCKED`.
 *
 * @param isAllowed tells by the absolute address
 * @param detail what the error says, such as the setting that forbids it
 */
export function limitHosts(
	egress: Egress,
	isAllowed: (address: string) => boolean,
	detail: string,
): Egress {
	const assertAllowed = (url: string): void => {
		if (isAllowed(url)) return;
		const host = URL.canParse(url) ? new URL(url).host : 'an unknown host';
		throw new EgressError('BLOCKED', detail, host);
	};
	return {
		request: async (url, request) => {
			assertAllowed(url);
			return await egress.request(url, request);
		},
		open: async (url, request) => {
			assertAllowed(url);
			return await egress.open(url, request);
		},
	};
}
