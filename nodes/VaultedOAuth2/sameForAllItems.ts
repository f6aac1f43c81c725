import type { IExecuteFunctions, INodeCredentialsDetails } from 'n8n-workflow';

import { CREDENTIAL_TYPE } from './credential';

/** Parts of n8n's execution context that are not in its types for nodes. Each is looked for before it is used. */
interface Inside {
	readonly mode?: unknown;
	readonly executeData?: unknown;
	readonly additionalData?: {
		/** Whose credentials the execution uses, if each person has their own. */
		readonly executionContext?: { readonly credentials?: unknown };
		/** Set by n8n if a credential is another one for each person. */
		readonly currentNodeAttemptedDynamicCredentials?: unknown;
		readonly credentialsHelper?: {
			getDecrypted?(...read: readonly unknown[]): Promise<unknown>;
			/** What the operator puts into empty fields. */
			readonly credentialsOverwrites?: { get?(type: string): unknown };
		};
	};
}

type Details = INodeCredentialsDetails & { readonly __aiGatewayManaged?: unknown };

/** n8n takes every text that begins with `=` for an expression. */
function hasExpression(value: unknown): boolean {
	if (typeof value === 'string') return value.startsWith('=');
	if (typeof value !== 'object' || value === null) return false;
	return Object.entries(value).some(([key, entry]) => hasExpression(key) || hasExpression(entry));
}

async function readRaw(
	{ mode, executeData, additionalData }: Inside,
	details: Details,
): Promise<unknown> {
	const { credentialsHelper: helper } = additionalData ?? {};
	if (typeof helper?.getDecrypted !== 'function') return undefined;
	return await helper.getDecrypted(
		additionalData,
		details,
		CREDENTIAL_TYPE,
		mode,
		executeData,
		true,
	);
}

/**
 * True if it is certain that the credential's fields are the same for every item of this run: as stored none is an expression, the operator
 * overwrites none, and it is nobody's own. To be asked after the credential was read. On any doubt, and in an n8n that is built in
 * another way, false.
 */
export async function isSameForAllItems(node: IExecuteFunctions): Promise<boolean> {
	const inside = node as unknown as Inside;
	const { additionalData } = inside;
	const details: Details | undefined = node.getNode().credentials?.[CREDENTIAL_TYPE];
	const overwrites = additionalData?.credentialsHelper?.credentialsOverwrites;
	if (details === undefined || details.__aiGatewayManaged !== undefined) return false;
	if (typeof overwrites?.get !== 'function' || overwrites.get(CREDENTIAL_TYPE) !== undefined)
		return false;
	const raw = await readRaw(inside, details).catch(() => undefined);
	const isPersonal =
		additionalData?.executionContext?.credentials !== undefined ||
		Boolean(additionalData?.currentNodeAttemptedDynamicCredentials);
	return typeof raw === 'object' && raw !== null && !isPersonal && !hasExpression(raw);
}
