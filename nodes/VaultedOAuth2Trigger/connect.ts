import { LoggerProxy, type IWebhookFunctions, type IWebhookResponseData } from 'n8n-workflow';

import {
	asAccount,
	randomText,
	sharedConnections,
	VaultedOAuth2Error,
	type ConnectableAccount,
	type FlowCookie,
	type Visit,
} from '../../src';
import {
	connectedOutcome,
	NOTHING,
	readOutcome,
	refusedOutcome,
	UNAVAILABLE,
	UNEXPECTED,
	UNSIGNED,
	writeOutcome,
	type Outcome,
} from './outcome';
import { pageHeaders, PRIVATE, renderPage } from './page';
import { readParameters, type Parameters } from './request';
import { NO_OPTIONS, summaryOf, summaryOptions } from './summary';

/** The credential type this node works with. */
export const CREDENTIAL_TYPE = 'vaultedOAuth2Api';

/** The webhook that begins a flow: n8n's name for one that does not start the workflow. */
export const CONNECT = 'setup';

const ANSWERED: IWebhookResponseData = { noWebhookResponse: true };

/** Anybody can open the trigger's addresses, so that what is wrong with its credential is not logged each time. */
const LOGGED_MS = 60_000;
const loggedAt = new Map<string, number>();

function log(node: IWebhookFunctions, error: unknown): void {
	const { id = '' } = node.getWorkflow();
	const now = Date.now();
	if (now - (loggedAt.get(id) ?? -Infinity) < LOGGED_MS) return;
	loggedAt.set(id, now);
	// Of an error that nobody foresaw only the name: its text may hold anything.
	const said =
		error instanceof VaultedOAuth2Error
			? `${error.code}: ${error.message}`
			: `unexpected ${error instanceof Error ? error.name : typeof error}`;
	node.logger.error(`Vaulted OAuth2 Trigger: ${said}`);
}

/** The trigger's connection; undefined if its credential cannot be used, which is logged. */
async function open(node: IWebhookFunctions): Promise<ConnectableAccount | undefined> {
	try {
		const fields = await node.getCredentials(CREDENTIAL_TYPE);
		const connections = sharedConnections(LoggerProxy);
		return asAccount(connections.open(await connections.read(fields)));
	} catch (error) {
		log(node, error);
		return undefined;
	}
}

function visitOf(node: IWebhookFunctions): Visit {
	const { id } = node.getWorkflow();
	return id === undefined ? {} : { workflowId: id };
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

/** RFC 6265 §4.1. Not Strict: the provider's answer comes from another site and has to bring it along. */
function setCookie(cookie: FlowCookie): string {
	const { name, value, path, maxAgeSeconds, sameSite, secure } = cookie;
	const parts = [
		`${name}=${value}`,
		`Path=${path}`,
		`Max-Age=${maxAgeSeconds}`,
		'HttpOnly',
		`SameSite=${sameSite}`,
	];
	return [...parts, ...(secure ? ['Secure'] : [])].join('; ');
}

/** The error as what the page says. */
function outcomeOf(node: IWebhookFunctions, error: unknown): Outcome {
	const outcome = refusedOutcome(error);
	if (outcome === undefined) log(node, error);
	return outcome ?? UNEXPECTED;
}

async function begin(
	node: IWebhookFunctions,
	query: URLSearchParams,
): Promise<IWebhookResponseData> {
	const connection = await open(node);
	if (connection === undefined) return show(node, UNAVAILABLE);
	const { authorization } = connection;
	const link = query.get('link') ?? '';
	const { location, cookie } = await authorization.connect(link, visitOf(node));
	redirect(node, location, setCookie(cookie));
	return ANSWERED;
}

/** A person is back from the provider: whatever comes of it is shown at an address without code and state. */
async function finish(
	node: IWebhookFunctions,
	{ parameters, isPosted }: Parameters,
): Promise<IWebhookResponseData> {
	// Relative to the address as the browser knows it, whatever path prefix or proxy is before n8n.
	const here = 'callback';
	const connection = await open(node);
	if (connection === undefined) {
		redirect(node, `${here}?outcome=${UNSIGNED}`);
		return ANSWERED;
	}
	const { authorization } = connection;
	const leave = async (outcome: Outcome): Promise<void> => {
		const keys = await authorization.keys.known().catch(() => undefined);
		const text = keys === undefined ? UNSIGNED : writeOutcome(keys, outcome, Date.now());
		redirect(node, `${here}?outcome=${text}`);
	};
	try {
		let options = NO_OPTIONS;
		const { cookie } = node.getRequestObject().headers;
		const connected = await authorization.callback(parameters, cookie, {
			...visitOf(node),
			isPosted,
			// Not before: expressions of the options would run for any visitor. Not after: one that fails would cost a consent.
			beforeRedeeming: () => {
				options = summaryOptions(node);
			},
		});
		const item = await summaryOf(connected, connection, options);
		await leave(connectedOutcome(connected));
		return { ...ANSWERED, workflowData: [[item]] };
	} catch (error) {
		await leave(outcomeOf(node, error));
		return ANSWERED;
	}
}

async function shownOutcome(node: IWebhookFunctions, text: string): Promise<Outcome> {
	if (text === UNSIGNED) return UNAVAILABLE;
	const connection = await open(node);
	if (connection === undefined) return UNAVAILABLE;
	const keys = await connection.authorization.keys.known().catch(() => undefined);
	return (keys && readOutcome(keys, text, Date.now())) ?? NOTHING;
}

/** Answers one request to one of the trigger's two addresses, and starts the workflow when an account was connected. */
export async function answer(node: IWebhookFunctions): Promise<IWebhookResponseData> {
	const request = readParameters(node.getRequestObject());
	const { parameters, isPosted } = request;
	try {
		if (node.getWebhookName() === CONNECT) return await begin(node, parameters);
		if (isPosted || ['code', 'state', 'error', 'iss'].some((key) => parameters.has(key)))
			return await finish(node, request);
		return show(node, await shownOutcome(node, parameters.get('outcome') ?? ''));
	} catch (error) {
		return show(node, outcomeOf(node, error));
	}
}
