import { isLoopback } from '../loopback';

/** What stands in front of the region in the names of AWS Secrets Manager: its own, with FIPS 140, or an interface endpoint of a VPC. */
const SERVICE = /^(?:vpce-[a-z0-9-]+\.)?secretsmanager(?:-fips)?\.[a-z]+(?:-[a-z]+)+-\d+\./;
/** What AWS answers for alone: the partitions, their dual-stack names, and the interface endpoints. */
const AWS: ReadonlySet<string> = new Set([
	'amazonaws.com',
	'amazonaws.com.cn',
	'amazonaws.eu',
	'api.aws',
	'api.amazonwebservices.com.cn',
	'vpce.amazonaws.com',
	'vpce.amazonaws.com.cn',
	'vpce.amazonaws.eu',
]);

/**
 * True if nobody but AWS Secrets Manager, or this machine itself, answers at an address. Below `amazonaws.com` alone customers have names as
 * well, of buckets, load balancers and APIs.
 *
 * @param address a secure one
 */
export function isAwsOwn(address: string): boolean {
	const { hostname } = new URL(address);
	return isLoopback(hostname) || (SERVICE.test(hostname) && AWS.has(hostname.replace(SERVICE, '')));
}
