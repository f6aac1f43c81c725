import dns from 'node:dns';
import { isIPv4, type LookupFunction } from 'node:net';
import { promisify } from 'node:util';

import { readInstanceSettings } from '../../src/config/instanceSettings';
import { createEgress } from '../../src/http/createEgress';
import { EgressError, type EgressPolicy } from '../../src/http/egress';
import { createGuard, plainLookup } from '../../src/http/policy';
import { egressErrorOf } from './support/egressErrorOf';
import { startServer, type TestServer } from './support/servers';

const NOTHING: EgressPolicy = {
	blockedIpRanges: [],
	allowedIpRanges: [],
	blockedHostnames: [],
	allowedHostnames: [],
};
/** What an instance has that only turns the protection on. */
const { egressPolicy: DEFAULTS = NOTHING } = readInstanceSettings({
	N8N_SSRF_PROTECTION_ENABLED: 'true',
});

afterEach(() => {
	jest.restoreAllMocks();
});

describe('a guard', () => {
	it.each([
		'127.0.0.1',
		'10.1.2.3',
		'172.31.255.255',
		'192.168.0.1',
		'169.254.169.254',
		'0.0.0.0',
		'::',
		'::1',
		'[::1]',
		'fe80::1%eth0',
		'fd00:ec2::254',
		'::ffff:127.0.0.1',
		'::ffff:a9fe:a9fe',
	])("blocks %s by n8n's default ranges", (address) => {
		expect(blocks(DEFAULTS, address)).toBe(true);
	});

	it.each([
		'8.8.8.8',
		'172.32.0.1',
		'2606:4700::1111',
		'::ffff:8.8.8.8',
		'localhost',
		'10.0.0.1.nip.io',
	])("lets %s pass n8n's default ranges", (host) => {
		expect(blocks(DEFAULTS, host)).toBe(false);
	});

	it('lets allowed ranges win over blocked ones', () => {
		const policy = { ...DEFAULTS, allowedIpRanges: ['10.1.0.0/16', 'fd12::/16'] };

		expect(
			['10.1.2.3', '::ffff:10.1.2.3', 'fd12::1'].filter((each) => blocks(policy, each)),
		).toEqual([]);
		expect(blocks(policy, '10.2.0.1')).toBe(true);
	});

	it('lets a range that is allowed win for addresses that stand for others as well', () => {
		const byIPv4 = { ...DEFAULTS, allowedIpRanges: ['10.1.0.0/16'] };
		for (const address of ['64:ff9b::10.1.2.3', '2002:a01:203::1', '::10.1.2.3']) {
			expect(blocks(byIPv4, address)).toBe(false);
			expect(blocks(DEFAULTS, address)).toBe(true);
		}
		expect(blocks(byIPv4, '64:ff9b::10.2.0.1')).toBe(true);
		expect(blocks(byIPv4, '64:ff9b:1::10.1.2.3')).toBe(true);

		const asWritten = { ...DEFAULTS, allowedIpRanges: ['64:ff9b::/96'] };
		expect(blocks(asWritten, '64:ff9b::10.1.2.3')).toBe(false);
		expect(blocks(asWritten, '2002:a01:203::1')).toBe(true);
	});

	it.each([
		['mapped', '::ffff:10.0.0.1', '::ffff:8.8.8.8'],
		['compatible', '::10.0.0.1', '::8.8.8.8'],
		['translated', '::ffff:0:10.0.0.1', '::ffff:0:8.8.8.8'],
		['NAT64', '64:ff9b::10.0.0.1', '64:ff9b::8.8.8.8'],
		['local NAT64', '64:ff9b:1::10.0.0.1', '64:ff9b:1::8.8.8.8'],
		['6to4', '2002:a00:1:ffff:ffff:ffff:ffff:ffff', '2002:808:808:a00:1::10.0.0.1'],
		['a Teredo server', '2001:0:a00:1:0:0:f7f7:f7f7', '2001:0:808:808:a00:1:f7f7:f7f7'],
		['a Teredo client', '2001:0:808:808:0:0:f5ff:fffe', '2001:0:808:808:0:0:a00:1'],
	])('sees the IPv4 address in a %s one, whatever the ranges are', (_kind, inside, outside) => {
		const policy = { ...NOTHING, blockedIpRanges: ['10.0.0.0/8'] };

		expect(blocks(policy, inside)).toBe(true);
		expect(blocks(policy, outside)).toBe(false);
	});

	it('takes :: for 0.0.0.0, and ::1 for nothing but itself', () => {
		const policy = { ...NOTHING, blockedIpRanges: ['0.0.0.0/8'] };

		expect(blocks(policy, '::')).toBe(true);
		expect(blocks(policy, '::1')).toBe(false);
		expect(blocks(policy, '::2')).toBe(true);
	});

	it('blocks names: whole ones, and everything below *.name, whatever their case and final dot', () => {
		const policy = { ...NOTHING, blockedHostnames: ['Metadata.internal', '*.corp.example.'] };

		for (const host of [
			'metadata.internal',
			'METADATA.internal.',
			'a.corp.example',
			'a.b.CORP.example',
		]) {
			expect(blocks(policy, host)).toBe(true);
		}
		for (const host of ['a.metadata.internal', 'corp.example', 'notcorp.example', 'example']) {
			expect(blocks(policy, host)).toBe(false);
		}
	});

	it('lets allowed names win over blocked ones', () => {
		const policy = {
			...NOTHING,
			blockedHostnames: ['*.corp.example'],
			allowedHostnames: ['idp.corp.example'],
		};

		expect(blocks(policy, 'idp.corp.example')).toBe(false);
		expect(blocks(policy, 'other.corp.example')).toBe(true);
	});

	it.each(['10.0.0.1', '10.0.0.0/33', '::/129', 'corp/8', '/8', '', '10.0.0.0/8/8'])(
		'leaves out %j, as n8n does, because it is no range',
		(range) => {
			const policy = { ...NOTHING, blockedIpRanges: [range, '192.0.2.0/24'] };

			expect(blocks(policy, '10.0.0.1')).toBe(false);
			expect(blocks(policy, '192.0.2.1')).toBe(true);
		},
	);
});

describe("a guard's lookup", () => {
	it('refuses a name of which any address is blocked', async () => {
		answerWith('8.8.8.8', '10.0.0.1');

		const error = await lookedUp(DEFAULTS).then(undefined, (reason: unknown) => reason);

		expect(error).toBeInstanceOf(EgressError);
		expect(error).toMatchObject({
			code: 'BLOCKED',
			detail: 'address 10.0.0.1',
			host: 'idp.example.com',
		});
	});

	it('gives all addresses, or the first, as the socket asks for', async () => {
		answerWith('8.8.8.8', '2606:4700::1111');

		expect(await lookedUp(DEFAULTS, true)).toEqual([
			{ address: '8.8.8.8', family: 4 },
			{ address: '2606:4700::1111', family: 6 },
		]);
		expect(await lookedUp(DEFAULTS, false)).toBe('8.8.8.8');
	});

	it('knows both addresses of this machine itself, and asks nobody for them', async () => {
		mockDns(() => {
			throw new Error('The DNS was asked');
		});
		for (const lookup of [plainLookup, createGuard({ ...DEFAULTS, blockedIpRanges: [] }).lookup])
			await expect(promisify(lookup)('localhost', { all: true })).resolves.toEqual([
				{ address: '127.0.0.1', family: 4 },
				{ address: '::1', family: 6 },
			]);
		await expect(promisify(createGuard(DEFAULTS).lookup)('localhost', {})).rejects.toMatchObject({
			code: 'BLOCKED',
			detail: 'address 127.0.0.1',
		});
	});

	it('lets a name that is allowed have any address', async () => {
		answerWith('10.0.0.1');

		expect(await lookedUp({ ...DEFAULTS, allowedHostnames: ['*.example.com'] }, false)).toBe(
			'10.0.0.1',
		);
	});

	it('passes on that there is no such name', async () => {
		const noSuchName = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
		mockDns((answer) => answer(noSuchName));

		await expect(lookedUp(DEFAULTS)).rejects.toBe(noSuchName);
	});
});

describe('requests of an instance with a policy', () => {
	let server: TestServer;

	beforeAll(async () => {
		server = await startServer((_, response) => response.end('reached'));
	});

	afterAll(async () => {
		await server.close();
	});

	const spellings = [
		'127.0.0.1',
		'[::ffff:127.0.0.1]',
		'2130706433',
		'0x7f.1',
		'127.1',
		'0177.0.0.1',
	];

	it.each(spellings)('do not reach a blocked address written as %s', async (host) => {
		const before = server.connections();

		expect(await egressErrorOf(get(DEFAULTS, host))).toMatchObject({ code: 'BLOCKED' });
		expect(server.connections()).toBe(before);
	});

	it('do not reach a name that leads to a blocked address, nor a blocked name', async () => {
		const before = server.connections();
		answerWith('127.0.0.1');

		const named = await egressErrorOf(get(DEFAULTS, 'rebind.example.com'));
		expect(named).toMatchObject({ code: 'BLOCKED', host: `rebind.example.com:${server.port}` });
		expect(named.message).toContain('127.0.0.1');
		const policy = { ...NOTHING, blockedHostnames: ['rebind.example.com'] };
		expect(await egressErrorOf(get(policy, 'rebind.example.com'))).toMatchObject({
			code: 'BLOCKED',
		});
		expect(server.connections()).toBe(before);
	});

	it('connect to the address that was checked, however the DNS answers the next time', async () => {
		let questions = 0;
		mockDns((answer) => {
			questions++;
			answer(null, [{ address: questions === 1 ? '127.0.0.1' : '203.0.113.1', family: 4 }]);
		});

		const policy = { ...NOTHING, blockedIpRanges: ['203.0.113.0/24'] };

		expect(await get(policy, 'rebind.example.com')).toMatchObject({ body: 'reached' });
		expect(questions).toBe(1);
	});

	it('reach what is allowed', async () => {
		answerWith('127.0.0.1');

		const byAddress = { ...DEFAULTS, allowedIpRanges: ['127.0.0.1/32'] };
		expect(await get(byAddress, '127.0.0.1')).toMatchObject({ body: 'reached' });
		const byName = { ...DEFAULTS, allowedHostnames: ['idp.example.com'] };
		expect(await get(byName, 'idp.example.com')).toMatchObject({ body: 'reached' });
		expect(await get(undefined, '127.0.0.1')).toMatchObject({ body: 'reached' });
	});

	it('keep to it if they are those of an API', async () => {
		const url = `http://127.0.0.1:${server.port}/`;
		const request = createEgress(DEFAULTS, {}).open(url, { method: 'GET', headers: {} });

		expect(await egressErrorOf(request)).toMatchObject({ code: 'BLOCKED' });
	});

	async function get(policy: EgressPolicy | undefined, host: string) {
		const url = `http://${host}:${server.port}/`;
		return await createEgress(policy, {}).request(url, { method: 'GET', headers: {} });
	}
});

type DnsAnswer = (error: Error | null, addresses?: dns.LookupAddress[]) => void;

function mockDns(onQuestion: (answer: DnsAnswer) => void): void {
	const lookup = ((_: string, __: unknown, answer: DnsAnswer) => onQuestion(answer)) as unknown;
	jest.spyOn(dns, 'lookup').mockImplementation(lookup as typeof dns.lookup);
}

function answerWith(...addresses: string[]): void {
	mockDns((answer) =>
		answer(
			null,
			addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 })),
		),
	);
}

async function lookedUp(policy: EgressPolicy, all = true): Promise<unknown> {
	const lookup: LookupFunction = createGuard(policy).lookup;
	return await promisify(lookup)('idp.example.com', { all });
}

function blocks(policy: EgressPolicy, host: string): boolean {
	try {
		createGuard(policy).checkHost(host);
		return false;
	} catch (error) {
		expect(error).toMatchObject({ name: 'EgressError', code: 'BLOCKED', host });
		return true;
	}
}
