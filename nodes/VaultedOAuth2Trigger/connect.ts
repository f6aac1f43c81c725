import { LoggerProxy, type IWebhookFunctions, type IWebhookResponseData } from 'n8n-workflow';

import {
	asAccount,
	randomText,
	sharedConnections,
	type ConnectableAccount,
	type FlowCookie,
} from '../../src';
import {
	connectedOutcome,
	NOTHING,
	readOutcome,
	refusedOutcome,
	UNEXPECTED,
	writeOutcome,
	type Outcome,
} from './outcome';
import { pageHeaders, PRIVATE, renderPage } from './page';
import { summaryOf, summaryOptions } from './summary';

/** The credential type this node works with. */
export const CREDENTIAL_TYPE = 'vaultedOAuth2Api';

/** The webhook that begins a flow: n8n's name for one that does not start the workflow. */
export const CONNECT = 'setup';

const ANSWERED: IWebhookResponseData = { noWebhookResponse: true };

async function open(node: IWebhookFunctions): Promise<ConnectableAccount> {
	const fields = await node.getCredentials(CREDENTIAL_TYPE);
	const connections = sharedConnections(LoggerProxy);
	return asAccount(connections.open(await connections.read(fields)));
}

/** The request's own query: a parameter that comes twice must be seen to. */
function queryOf(node: IWebhookFunctions): URLSearchParams {
	const { originalUrl } = node.getRequestObject();
	const start = originalUrl.indexOf('?');
	return new URLSearchParams(start === -1 ? '' : originalUrl.slice(start + 1));
}

function show(node: IWebhookFunctions, outcome: Outcome): IWebhookResponseData {
	const nonce = randomText();
	node
		.getResponseObject()
		.status(outcome.status)
		.set(pageHeaders(nonce))
		.send(renderPage(outcome, nonce));
	return ANSWERED;
}

function redirect(node: IWebhookFunctions, location: string, cookie?: string): void {
	node
		.getResponseObject()
		.status(303)
		.set({
			...PRIVATE,
			Location: location,
			...(cookie === undefined ? {} : { 'Set-Cookie': cookie }),
		})
		.send('');
}

/** RFC 6265 §4.1. Lax: the provider's redirect comes from another site and has to bring it along. */
function setCookie({ name, value, path, maxAgeSeconds, secure }: FlowCookie): string {
	const parts = [
		`${name}=${value}`,
		`Path=${path}`,
		`Max-Age=${maxAgeSeconds}`,
		'HttpOnly',
		'SameSite=Lax',
	];
	return [...parts, ...(secure ? ['Secure'] : [])].join('; ');
}

/** The error as what the page says. Of an error that nobody foresaw only its name goes into the log: its text may hold anything. */
function outcomeOf(node: IWebhookFunctions, error: unknown): Outcome {
	const outcome = refusedOutcome(error);
	if (outcome === undefined) {
		const name = error instanceof Error ? error.name : typeof error;
		node.logger.error(`Vaulted OAuth2 Trigger: unexpected ${name}`);
	}
	return outcome ?? UNEXPECTED;
}

async function begin(
	node: IWebhookFunctions,
	query: URLSearchParams,
): Promise<IWebhookResponseData> {
	const { authorization } = await open(node);
	const { location, cookie } = await authorization.connect(query.get('link') ?? '');
	redirect(node, location, setCookie(cookie));
	return ANSWERED;
}

/** A person is back from the provider: whatever comes of it is shown at an address without code and state. */
async function finish(
	node: IWebhookFunctions,
	query: URLSearchParams,
): Promise<IWebhookResponseData> {
	// Relative to the address as the browser knows it, whatever path prefix or proxy is before n8n.
	const here = 'callback';
	const connection = await open(node).catch(() => undefined);
	if (connection === undefined) {
		redirect(node, here);
		return ANSWERED;
	}
	const { authorization } = connection;
	const leave = (outcome: Outcome): void =>
		redirect(node, `${here}?outcome=${writeOutcome(authorization.keys, outcome, Date.now())}`);
	try {
		const options = summaryOptions(node);
		const connected = await authorization.callback(query, node.getRequestObject().headers.cookie);
		const item = await summaryOf(connected, connection, options);
		leave(connectedOutcome(connected));
		return { ...ANSWERED, workflowData: [[item]] };
	} catch (error) {
		leave(outcomeOf(node, error));
		return ANSWERED;
	}
}

/** Answers one request to one of the trigger's two addresses, and starts the workflow when an account was connected. */
export async function answer(node: IWebhookFunctions): Promise<IWebhookResponseData> {
	const query = queryOf(node);
	try {
		if (node.getWebhookName() === CONNECT) return await begin(node, query);
		if (['code', 'state', 'error', 'iss'].some((key) => query.has(key)))
			return await finish(node, query);
		const { authorization } = await open(node);
		const text = query.get('outcome') ?? '';
		return show(node, readOutcome(authorization.keys, text, Date.now()) ?? NOTHING);
	} catch (error) {
		return show(node, outcomeOf(node, error));
	}
}
