import {
	ExecutionBaseError,
	NodeApiError,
	NodeOperationError,
	type IDataObject,
	type INode,
	type JsonObject,
} from 'n8n-workflow';

import {
	ConfigurationError,
	EgressError,
	plainText,
	VaultedOAuth2Error,
	type FailureClass,
	type Redactor,
} from '../../src';

/** What a failure of each class asks of the user. */
const HINTS: Record<FailureClass, string> = {
	reconnect: 'The connection has to be authorized again.',
	configuration: 'A field of the credential or of this node has to be corrected.',
	provider:
		'Nothing is lost. Try again later, for example with "Retry On Fail" in the settings of this node.',
	secretStore: 'The secret store has to be looked at.',
};

/** Longer texts of an API, such as whole error pages, are cut here. */
const LONGEST_TEXT = 2_000;

/**
 * An error of n8n with exactly this message. n8n itself replaces every message in which it finds a code such as `ECONNREFUSED` by a
 * general one, in which the failure's class and the way out would be lost.
 */
function operationError(
	node: INode,
	message: string,
	{
		itemIndex,
		description,
		context = {},
	}: { itemIndex: number; description?: string; context?: IDataObject },
): NodeOperationError {
	const error = new NodeOperationError(node, message, {
		itemIndex,
		...(description === undefined ? {} : { description }),
	});
	error.message = message;
	Object.assign(error.context, context);
	return error;
}

/** The error of this package that is behind an error of n8n, or undefined. */
function ownError(error: unknown): VaultedOAuth2Error | undefined {
	let current = error;
	for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
		if (current instanceof VaultedOAuth2Error) return current;
		current = current.cause;
	}
	return undefined;
}

/** The error of this package that a task ends with, or undefined where it succeeds. Every other error is thrown. */
export async function ownFailure(
	task: () => Promise<void>,
): Promise<VaultedOAuth2Error | undefined> {
	return await task().then(
		() => undefined,
		(error: unknown) => {
			const own = ownError(error);
			if (own === undefined) throw error;
			return own;
		},
	);
}

/** What programs can tell a failure of this package by. */
export function failureOf(error: VaultedOAuth2Error): IDataObject {
	return {
		class: error.failureClass,
		code: error.code,
		...(error instanceof ConfigurationError ? { field: error.field } : {}),
		message: error.message,
	};
}

/**
 * The error n8n shows for an item. Errors of this package keep their words. No error keeps one of the HTTP client as its cause, since
 * that would hold the request with its token.
 */
export function toNodeError(
	node: INode,
	error: unknown,
	itemIndex: number,
): NodeApiError | NodeOperationError {
	const own = ownError(error);
	if (own !== undefined) {
		const { message: _message, ...context } = failureOf(own);
		return operationError(node, own.message, {
			itemIndex,
			description: `${HINTS[own.failureClass]} (${own.failureClass}, ${own.code})`,
			context,
		});
	}
	if (error instanceof NodeApiError || error instanceof NodeOperationError) {
		error.context['itemIndex'] ??= itemIndex;
		return error;
	}
	// Errors of expressions carry what the editor shows beside the field.
	if (error instanceof ExecutionBaseError)
		return new NodeOperationError(node, error, { itemIndex });
	return operationError(node, plainText(error instanceof Error ? error.message : String(error)), {
		itemIndex,
	});
}

/** What an API answered with a status outside 200 to 299. */
export interface Refusal {
	readonly status: number;
	/** Parsed JSON, or text. */
	readonly body: unknown;
	/** Why nothing could be done about it. */
	readonly hint?: string | undefined;
}

/** An HTTP error of the API: n8n's words for the status as message, the API's own as description. */
export function refusalError(
	node: INode,
	{ status, body, hint }: Refusal,
	itemIndex: number,
): NodeApiError {
	const error = (typeof body === 'string' ? body.slice(0, LONGEST_TEXT) : body) as JsonObject;
	const failure = new NodeApiError(
		node,
		{ statusCode: String(status), error },
		{ httpCode: String(status), itemIndex },
	);
	failure.message = plainText(failure.message);
	const description = [failure.description, hint].filter(Boolean).join(' – ');
	if (description !== '') failure.description = plainText(description);
	return failure;
}

/** What the administrator of the instance can do. */
const ALLOW_HOST =
	'Ask the administrator of this n8n to allow the host, in N8N_SSRF_ALLOWED_HOSTNAMES or N8N_SSRF_ALLOWED_IP_RANGES.';

/** A request that got no answer. What the system said is the error's code, such as `ECONNREFUSED`. */
export function exchangeError(
	node: INode,
	error: unknown,
	{ itemIndex, redactor }: { itemIndex: number; redactor: Redactor },
): NodeApiError | NodeOperationError {
	const message = plainText(redactor.text(error instanceof Error ? error.message : String(error)));
	if (error instanceof EgressError && error.code === 'BLOCKED')
		return operationError(node, message, { itemIndex, description: ALLOW_HOST });
	const code = codeOf(error);
	if (code === undefined) return operationError(node, message, { itemIndex });
	const failure = new NodeApiError(node, { message, code }, { itemIndex });
	if (failure.message !== message) failure.description = message;
	return failure;
}

function codeOf(error: unknown): string | undefined {
	if (error instanceof EgressError) return error.detail;
	const { code } = error as { code?: unknown };
	return typeof code === 'string' ? code : undefined;
}

/** What an item says of its error under "continue on fail", in the form of n8n's HTTP Request node. */
export function errorDetails(error: NodeApiError | NodeOperationError): IDataObject {
	const { message, description, context } = error;
	const { itemIndex: _itemIndex, runIndex: _runIndex, ...rest } = context;
	const details: IDataObject = { message, ...(description == null ? {} : { description }) };
	if (error instanceof NodeApiError) {
		const body = (error.errorResponse as IDataObject | undefined)?.['error'];
		return { ...details, httpCode: error.httpCode, ...(body === undefined ? {} : { body }) };
	}
	return { ...details, ...rest };
}
