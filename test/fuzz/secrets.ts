import { inspect } from 'node:util';
import fc from 'fast-check';

/** Secrets that are found again wherever they get: none of their characters is there by chance. */
export const SECRETS = {
	clientSecret: 'sEcr3t-Of/the+Client="x&y%',
	refreshToken: 'rEfr3sh-tOken_0f.a~person',
	code: 'c0de/of-A+grant==',
	codeVerifier: 'vEr1fier-0f_the.fl0w~aaaaaaaaaaaaaaaaaaaaaaaa',
	awsSecretAccessKey: 'aWs/secr3t+acc3ss/Key0000',
	awsSessionToken: 'aWs//sessi0n+t0ken==',
	stored: 'stOred/secr3t+"quoted"',
} as const;

const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const base64url = (text: string): string => Buffer.from(text).toString('base64url');
/** RFC 6749 appendix B. */
const formEncoded = (text: string): string => new URLSearchParams({ a: text }).toString().slice(2);

/** Every way in which servers write a text. */
const ENCODINGS: readonly ((text: string) => string)[] = [
	(text) => text,
	encodeURIComponent,
	formEncoded,
	(text) => encodeURIComponent(text).replace(/%../g, (escape) => escape.toLowerCase()),
	json,
	(text) => json(text).replaceAll('/', '\\/'),
	(text) => text.replace(/\W/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`),
	base64,
	base64url,
	(text) => base64(`client:${formEncoded(text)}`),
	(text) => base64(`client:${text}`),
];

/** A secret in one of its encodings. */
export const echoed: fc.Arbitrary<string> = fc
	.tuple(fc.constantFrom(...Object.values(SECRETS)), fc.constantFrom(...ENCODINGS))
	.map(([secret, encode]) => encode(secret));

const FORMS = new Map(
	Object.values(SECRETS).map((secret) => [
		secret as string,
		[...new Set(ENCODINGS.map((encode) => encode(secret)))],
	]),
);

/**
 * @param secrets of {@link SECRETS}; all unless told
 * @throws Error if a secret is in anything that can be seen of an error
 */
export function assertNoSecret(
	error: unknown,
	secrets: readonly string[] = Object.values(SECRETS),
): void {
	if (error === undefined) return;
	const seen = [inspect(error, { depth: 6, showHidden: true })];
	if (error instanceof Error) seen.push(error.message, JSON.stringify(error));
	const found = secrets
		.flatMap((secret) => FORMS.get(secret) ?? [])
		.find((form) => seen.some((text) => text.includes(form)));
	if (found !== undefined) throw new Error(`${found} is in ${seen.join('\n')}`);
}
