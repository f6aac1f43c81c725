import { Readable } from 'node:stream';

import { readAtMost } from '../../nodes/VaultedOAuth2/actions/apiRequest/readAtMost';

test.each([
	[4, 'abcd'],
	[3, undefined],
])('of "abcd", at most %i bytes are %s', async (most, expected) => {
	const stream = Readable.from([Buffer.from('ab'), Buffer.from('cd')]);
	expect((await readAtMost(stream, most))?.toString()).toBe(expected);
	expect(stream.destroyed).toBe(true);
	expect((await readAtMost(Buffer.from('abcd'), most))?.toString()).toBe(expected);
});

test('a body without an end is given up', async () => {
	const endless = new Readable({
		read() {
			this.push(Buffer.alloc(1000));
		},
	});
	await expect(readAtMost(endless, 100_000)).resolves.toBeUndefined();
	expect(endless.destroyed).toBe(true);
});

test('a body that breaks is an error', async () => {
	const broken = new Readable({
		read() {
			this.destroy(new Error('aborted'));
		},
	});
	await expect(readAtMost(broken, 1)).rejects.toThrow('aborted');
});
