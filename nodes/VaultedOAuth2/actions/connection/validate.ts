import { NodeApiError, type IDataObject, type INodeExecutionData } from 'n8n-workflow';

import { assertBound, type FailureClass } from '../../../../src';
import { openConnection, type ItemConnection } from '../../connection';
import { failureOf, ownFailure } from '../../errors';
import { callApi, discard, type ApiCall } from '../../transport';
import type { Item, Operation } from '../operation';
import { describeToken, warningsOf } from './status';

type StepName = 'fields' | 'secretStore' | 'token' | 'api';

/** One thing that was looked at. A step that fails is the last one, and says class, code, field and message of its failure too. */
interface Step extends IDataObject {
	readonly step: StepName;
	readonly ok: boolean;
	readonly detail: string;
}

/** In this order. */
const STEPS: readonly StepName[] = ['fields', 'secretStore', 'token', 'api'];

/** Where opening a connection fails, which may include sealing it, the class of failure tells how far it came. */
const STEP_OF: Record<FailureClass, StepName> = {
	configuration: 'fields',
	secretStore: 'secretStore',
	provider: 'token',
	reconnect: 'token',
};

/** How long the API has for the request at the Validation Path. */
const TIMEOUT_MS = 30_000;

function refused(status: number): IDataObject & { message: string } {
	const said = `The API answers ${status} at the Validation Path.`;
	if (status === 401 || status === 403) {
		const message = `${said} It does not accept the token: check Scope, API Base URL and Validation Path.`;
		return { class: 'configuration', code: 'TOKEN_REFUSED', field: 'Scope', message };
	}
	if (status === 429 || status >= 500) {
		return { class: 'provider', code: 'API_UNAVAILABLE', message: `${said} Try again later.` };
	}
	const message = `${said} Enter a path that can be called with GET.`;
	return {
		class: 'configuration',
		code: 'NOT_A_VALIDATION_PATH',
		field: 'Validation Path',
		message,
	};
}

async function checkApi(item: Item, open: ItemConnection, url: URL): Promise<Step> {
	const call: ApiCall = {
		method: 'GET',
		url,
		headers: { accept: '*/*' },
		queryArrays: 'indices',
		timeoutMs: TIMEOUT_MS,
		maxRedirects: 21,
	};
	const answer = await callApi(item, open, call).catch((error: unknown) => {
		if (error instanceof NodeApiError) return error;
		throw error;
	});
	if (answer instanceof NodeApiError) {
		const message = `The API does not answer: ${answer.description ?? answer.message}`;
		return {
			step: 'api',
			ok: false,
			detail: message,
			class: 'provider',
			code: 'API_UNREACHABLE',
			message,
		};
	}
	const { status, body } = answer;
	discard(body);
	if (status >= 200 && status <= 299) {
		return { step: 'api', ok: true, detail: `The API accepts the token (${status})`, status };
	}
	const failure = refused(status);
	return { step: 'api', ok: false, detail: failure.message, status, ...failure };
}

/** Goes through the steps, and writes down each one that was taken. @throws VaultedOAuth2Error of the step that fails */
async function check(item: Item, steps: Step[]): Promise<void> {
	const open = await openConnection(item);
	const { connection, secretRef, tokens } = open;
	steps.push({
		step: 'fields',
		ok: true,
		detail: `"${connection.label}" is complete, for ${connection.apiBaseUrl}`,
	});

	await tokens.load();
	const { secretId } = secretRef;
	steps.push({
		step: 'secretStore',
		ok: true,
		detail: `The secret ${secretId} can be read`,
		secretStore: secretRef.store.kind,
		secretId,
		versionId: tokens.status().versionId ?? null,
	});

	const tokenSet = await tokens.get();
	assertBound(connection, tokenSet);
	const { refreshAt } = tokens.status();
	const described = describeToken(tokenSet, { connection, refreshAt });
	const until =
		typeof described['expiresAt'] === 'string'
			? `until ${described['expiresAt']}`
			: 'until it is refused';
	steps.push({
		step: 'token',
		ok: true,
		detail: `There is a token, good ${until}`,
		...described,
		...warningsOf(open),
	});

	if (connection.validationUrl !== undefined) {
		steps.push(await checkApi(item, open, new URL(connection.validationUrl)));
	}
}

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const steps: Step[] = [];
	const failure = await ownFailure(async () => await check(item, steps));
	if (failure !== undefined) {
		const step =
			(steps.length === 0 ? undefined : STEPS[steps.length]) ?? STEP_OF[failure.failureClass];
		steps.push({ step, ok: false, detail: failure.message, ...failureOf(failure) });
	}
	return [{ json: { ok: steps.every(({ ok }) => ok), steps } }];
}

/** Checks the connection step by step, and reports; the item does not fail where the connection does. */
export const validate: Operation = { description: [], execute };
