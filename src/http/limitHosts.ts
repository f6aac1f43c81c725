import { EgressError, type Egress } from './egress';

/**
 * An egress whose `request` goes to allowed addresses only, and otherwise rejects with EgressError `BLOCKED`. Its agents are not limited.
 *
 * @param isAllowed tells by the absolute address
 * @param detail what the error says, such as the setting that forbids it
 */
export function limitHosts(
	egress: Egress,
	isAllowed: (address: string) => boolean,
	detail: string,
): Egress {
	return {
		...egress,
		async request(url, request) {
			if (!isAllowed(url)) {
				throw new EgressError(
					'BLOCKED',
					detail,
					URL.canParse(url) ? new URL(url).host : 'an unknown host',
				);
			}
			return await egress.request(url, request);
		},
	};
}
