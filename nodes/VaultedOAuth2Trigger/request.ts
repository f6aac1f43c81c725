import type { IWebhookFunctions } from 'n8n-workflow';

type WebhookRequest = Pick<
	ReturnType<IWebhookFunctions['getRequestObject']>,
	'method' | 'originalUrl' | 'headers'
> & { readonly rawBody?: Buffer };

/** What a request brings, as it was sent: of n8n's own parsing a parameter that comes twice cannot be seen. */
export interface Parameters {
	readonly parameters: URLSearchParams;
	/** True for those of a form post, which has no others. */
	readonly isPosted: boolean;
}

/** Bytes of a form post at most: far above what a provider answers. */
const LONGEST_POST = 65_536;
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/** The body of a form post (OAuth 2.0 Form Post Response Mode §2); nothing of any other. */
function bodyOf({ headers, rawBody }: WebhookRequest): string {
	if (!FORM.test(headers['content-type'] ?? '')) return '';
	if (rawBody === undefined || rawBody.length > LONGEST_POST) return '';
	return rawBody.toString();
}

/** The parameters of a request: its query, or the body of a form post. */
export function readParameters(request: WebhookRequest): Parameters {
	if (request.method === 'POST')
		return { parameters: new URLSearchParams(bodyOf(request)), isPosted: true };
	const { originalUrl } = request;
	const start = originalUrl.indexOf('?');
	const query = start === -1 ? '' : originalUrl.slice(start + 1);
	return { parameters: new URLSearchParams(query), isPosted: false };
}
