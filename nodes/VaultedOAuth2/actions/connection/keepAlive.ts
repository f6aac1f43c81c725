import type { IDataObject, INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { asAccount, LONGEST_LINK_MS, type OpenConnection } from '../../../../src';
import { openConnection } from '../../connection';
import { failureOf, ownFailure } from '../../errors';
import { askerOf, parameter, type Item, type Operation } from '../operation';
import { linkFields } from './getAuthorizationUrl';
import { needsPerson, stateOf, type ConnectionState } from './state';

const HOUR_MS = 3_600_000;

const description: INodeProperties[] = [
	{
		displayName: 'Refresh If Older Than (Hours)',
		name: 'refreshAfterHours',
		type: 'number',
		default: 24,
		typeOptions: { minValue: 0 },
		description:
			'A connection that was used since is left alone. Many providers let a refresh token lapse after 14 to 90 days without use.',
	},
	{
		displayName: 'Output Only Connections That Need a Person',
		name: 'onlyNeedsPerson',
		type: 'boolean',
		default: false,
		description: 'Whether connections that are well, or that wait for a provider, become no item',
	},
	{
		displayName: 'Add a Connect Link',
		name: 'addLink',
		type: 'boolean',
		default: false,
		description:
			'Whether the item of a connection that needs a person carries a link for that person, good for a day and one use. It is a permission to connect an account: send it to nobody else.',
	},
];

/** Refreshes what has not been used for a while. True where it did. */
async function refreshIfIdle(open: OpenConnection, olderThanMs: number): Promise<boolean> {
	const { connection, tokens } = open;
	await tokens.load();
	const { tokenSet, refreshable } = tokens.status();
	if (needsPerson(stateOf(open)) || !refreshable) return false;
	if (connection.grantType === 'client_credentials') return false;
	if (tokenSet !== undefined && Date.now() - tokenSet.issuedAt < olderThanMs) return false;
	await tokens.refreshNow();
	return true;
}

/** Links for a day, or why there are none: that nobody may make them here does not keep the state from being told. */
async function linksFor(item: Item, open: OpenConnection): Promise<IDataObject> {
	const links: IDataObject = {};
	const failure = await ownFailure(async () => {
		const { authorization } = asAccount(open);
		const asked = { by: askerOf(item), lifetimeMs: LONGEST_LINK_MS };
		Object.assign(links, linkFields(await authorization.links(asked)));
	});
	return failure === undefined ? links : { connectUrl: null, linkError: failureOf(failure) };
}

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const olderThanMs = parameter<number>(item, 'refreshAfterHours', 24) * HOUR_MS;
	const done: { open?: OpenConnection; refreshed: boolean } = { refreshed: false };
	const failure = await ownFailure(async () => {
		done.open = await openConnection(item);
		done.refreshed = await refreshIfIdle(done.open, olderThanMs);
	});
	const { open, refreshed } = done;
	const known: ConnectionState = open === undefined ? 'failing' : stateOf(open);
	const state = failure !== undefined && known === 'healthy' ? 'failing' : known;
	const person = needsPerson(state) || failure?.failureClass === 'reconnect';
	if (!person && parameter<boolean>(item, 'onlyNeedsPerson', false)) return [];

	const { tokenSet, lastError } = open?.tokens.status() ?? {};
	const error = failure ?? lastError;
	const wantsLink = person && parameter<boolean>(item, 'addLink', false);
	const links = wantsLink && open?.authorization !== undefined ? await linksFor(item, open) : {};
	return [
		{
			json: {
				state,
				needsPerson: person,
				refreshed,
				...(open === undefined
					? {}
					: { label: open.connection.label, grantType: open.connection.grantType }),
				expiresAt: tokenSet?.expiresAt == null ? null : new Date(tokenSet.expiresAt).toISOString(),
				lastError: error === undefined ? null : failureOf(error),
				...links,
			},
		},
	];
}

/** Refreshes a connection that would lapse when idle, and tells whether it needs a person; the item does not fail where the connection does. */
export const keepAlive: Operation = { description, execute };
