export const hex = (text: string): string => text.charCodeAt(0).toString(16).padStart(2, '0');
export const base64 = (text: string): string => Buffer.from(text).toString('base64');
export const unicode = (unit: string): string => `\\u${hex(unit).padStart(4, '0')}`;
export const percent = (text: string): string =>
	Buffer.from(text)
		.toString('latin1')
		.replace(/[^]/g, (byte) => `%${hex(byte)}`);
const formEncoded = (text: string): string => new URLSearchParams({ k: text }).toString().slice(2);
const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const html = (text: string): string =>
	text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const named = (text: string): string =>
	text.replace(
		/[&<>"']/g,
		(sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? '&apos;',
	);
/** RFC 6749 §2.3.1, as openid-client sends it. */
const strict = (text: string): string =>
	encodeURIComponent(text)
		.replace(/[-_.!~*'()]/g, (sign) => `%${hex(sign).toUpperCase()}`)
		.replaceAll('%20', '+');
const lowerHex = (text: string): string => text.replace(/%../g, (escape) => escape.toLowerCase());

/** Every way a server may write what it was sent. */
export const ENCODINGS: Record<string, (secret: string) => string> = {
	'as it is': (secret) => secret,
	'URL component': encodeURIComponent,
	'URL component, hex in lower case': (secret) => lowerHex(encodeURIComponent(secret)),
	'URL component, twice': (secret) => encodeURIComponent(encodeURIComponent(secret)),
	'every byte percent-encoded': percent,
	form: formEncoded,
	'form, strict': strict,
	'form, hex in lower case': (secret) => lowerHex(formEncoded(secret)),
	JSON: json,
	'JSON of PHP': (secret) => json(secret).replaceAll('/', '\\/'),
	'JSON in ASCII': (secret) => json(secret).replace(/[^\0-\x7f]/g, unicode),
	'JSON in ASCII, upper case': (secret) =>
		json(secret).replace(/[^\0-\x7f]/g, (unit) => `\\u${hex(unit).padStart(4, '0').toUpperCase()}`),
	'JSON of Go': (secret) => json(secret).replace(/[&<>]/g, unicode),
	'JSON in JSON': (secret) => json(json(secret)),
	'JSON, URL component inside': (secret) => json(encodeURIComponent(secret)),
	'JSON of Go, HTML inside': (secret) => html(secret).replace(/[&<>"\\]/g, unicode),
	HTML: html,
	'HTML, named': named,
	Base64: base64,
	Base64url: (secret) => Buffer.from(secret).toString('base64url'),
	'Base64 in lines': (secret) => base64(secret).replace(/.{19}/g, '$&\r\n'),
	'Base64 in lines, in JSON': (secret) => json(base64(secret).replace(/.{19}/g, '$&\n')),
	'Base64 in a URL': (secret) => encodeURIComponent(base64(secret)),
	'Base64 in JSON of PHP': (secret) => base64(secret).replaceAll('/', '\\/'),
	Basic: (secret) => `Basic ${base64(`client-1:${secret}`)}`,
	'Basic, URL-encoded': (secret) => `Basic ${base64(`client-1:${encodeURIComponent(secret)}`)}`,
	'Basic, strict': (secret) => `Basic ${base64(`client-1:${strict(secret)}`)}`,
	'Basic, form, hex in lower case': (secret) =>
		`Basic ${base64(`c:${lowerHex(formEncoded(secret))}`)}`,
	'post form': (secret) => `client_id=client-1&client_secret=${formEncoded(secret)}&grant_type=x`,
};

/** What somebody can find out from a text who tries all of these. */
function readings(text: string): string[] {
	const once = (steps: ((value: string) => string)[], from: string[]): string[] =>
		from.flatMap((value) => [value, ...steps.map((step) => step(value))]);
	const unpercent = (value: string): string =>
		Buffer.from(
			Buffer.from(value)
				.toString('latin1')
				.replace(/%([\da-f]{2})/gi, (_, digits: string) =>
					String.fromCharCode(parseInt(digits, 16)),
				),
			'latin1',
		).toString();
	const unescape = (value: string): string =>
		value.replace(/\\(u[\da-f]{4}|.)/gi, (escape, body: string) => {
			try {
				return JSON.parse(`"${escape}"`) as string;
			} catch {
				return body;
			}
		});
	const unentity = (value: string): string =>
		value
			.replace(/&#(\d+);/g, (_, digits: string) => String.fromCharCode(Number(digits) % 65536))
			.replace(
				/&(amp|lt|gt|quot|apos);/g,
				(_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'",
			);
	const unbase64 = (value: string): string =>
		(value.match(/[\w+/-]{4,}/g) ?? [])
			.flatMap((run) =>
				[0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), 'base64').toString()),
			)
			.join('\n');
	const escapes = [unpercent, unescape, unentity, (value: string) => value.replaceAll('+', ' ')];
	const opened = once(escapes, once(escapes, [text]));
	return [
		...opened,
		...once(
			[unpercent, (value) => unpercent(value.replaceAll('+', ' '))],
			opened.map((value) => unbase64(value.replace(/[\r\n]+/g, ''))),
		),
	];
}

/** Whether somebody who tries all of these can read a secret in a text. */
export const reveals = (text: string, secret: string): boolean =>
	readings(text).some((value) => value.includes(secret));
