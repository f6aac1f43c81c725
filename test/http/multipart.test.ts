import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import type { RequestBody } from '../../src/http/egress';
import { multipartBody, type FormPart } from '../../src/http/multipart';
import { parseForm } from '../support/parseForm';

async function bytes(body: RequestBody): Promise<Buffer> {
	if (typeof body === 'string' || Buffer.isBuffer(body)) return Buffer.from(body);
	return await buffer(await body.open());
}

const parsed = async (parts: readonly FormPart[]): Promise<FormData> => {
	const { body, contentType } = multipartBody(parts);
	return await parseForm(await bytes(body), contentType);
};

const streamed = (text: string, length: number | undefined = Buffer.byteLength(text)) => ({
	open: async () => Readable.from([Buffer.from(text)]),
	length,
});
const PDF = { name: 'invoice.pdf', contentType: 'application/pdf' };

test('fields and files arrive in their order, several of one name too', async () => {
	const form = await parsed([
		{ name: 'tag', content: 'ä✓' },
		{ name: 'tag', content: 'line 1\r\nline 2' },
		{ name: 'file', content: Buffer.from([0, 255, 13, 10]), file: PDF },
		{ name: 'file', content: streamed('two'), file: { ...PDF, name: 'two.pdf' } },
	]);
	expect(form.getAll('tag')).toEqual(['ä✓', 'line 1\r\nline 2']);
	const [first, second] = form.getAll('file') as File[];
	expect(first).toMatchObject({ name: 'invoice.pdf', type: 'application/pdf' });
	expect([...new Uint8Array(await first!.arrayBuffer())]).toEqual([0, 255, 13, 10]);
	expect([second!.name, await second!.text()]).toEqual(['two.pdf', 'two']);
});

test('no name gets out of its quotes, and no type out of its line', async () => {
	const evil = 'a"; filename="x"\r\nX-Evil: 1\r\n\r\n--';
	const file = { name: evil, contentType: 'text/plain\r\nX-Evil: 1' };
	const { body } = multipartBody([{ name: evil, content: 'x', file }]);
	const text = (await bytes(body)).toString();
	expect(text.match(/^X-Evil/gm)).toBeNull();
	expect(text).toContain('name="a%22; filename=%22x%22%0D%0AX-Evil: 1%0D%0A%0D%0A--"');
	expect(text).toContain('Content-Type: application/octet-stream\r\n\r\nx');
});

test('the length is known if all lengths are, and it is right', async () => {
	const { body } = multipartBody([
		{ name: 'ä', content: '✓' },
		{ name: 'file', content: streamed('✓✓'), file: PDF },
	]);
	expect(body).toMatchObject({ length: (await bytes(body)).length });
	const unknown = { open: async () => Readable.from([Buffer.from('x')]) };
	expect(
		multipartBody([{ name: 'file', content: unknown, file: PDF }]).body.length,
	).toBeUndefined();
});

test('a form without files on disk is in memory; one with a file can be read again', async () => {
	expect(Buffer.isBuffer(multipartBody([{ name: 'a', content: 'b' }]).body)).toBe(true);
	const { body } = multipartBody([{ name: 'file', content: streamed('x'), file: PDF }]);
	expect(await bytes(body)).toEqual(await bytes(body));
});

test('the boundary is another one each time', () => {
	const types = Array.from({ length: 100 }, () => multipartBody([]).contentType);
	expect(new Set(types).size).toBe(100);
});

test('a file that is no longer read is closed', async () => {
	const file = Readable.from([Buffer.from('x'), Buffer.from('y')]);
	const { body } = multipartBody([{ name: 'f', content: { open: async () => file }, file: PDF }]);
	const stream = await (body as Exclude<typeof body, Buffer>).open();
	for await (const chunk of stream) if (String(chunk) === 'x') break;
	expect(file.destroyed).toBe(true);
});
