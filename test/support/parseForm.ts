/** Reads a form as a server would, with Node's own parser. */
export async function parseForm(
	content: string | Buffer,
	contentType: string | undefined,
): Promise<FormData> {
	const body = typeof content === 'string' ? content : new Uint8Array(content);
	const response = new Response(body, { headers: { 'content-type': contentType ?? '' } });
	// eslint-disable-next-line @typescript-eslint/no-deprecated -- because of large forms, which a test has none of
	return await response.formData();
}
