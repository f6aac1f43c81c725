import type { IExecuteFunctions } from 'n8n-workflow';
import { isSameForAllItems } from '../../nodes/VaultedOAuth2/sameForAllItems';

const TYPE = 'vaultedOAuth2Api';

/** A run of n8n with this stored credential; the changes make it another n8n. */
function run(
	stored: unknown,
	{ details = {}, additionalData = {}, helper = {} }: Record<string, object | undefined> = {},
): IExecuteFunctions {
	return {
		getNode: () => ({ credentials: { [TYPE]: { id: '1', name: 'CRM', ...details } } }),
		mode: 'trigger',
		executeData: {},
		additionalData: {
			credentialsHelper: {
				credentialsOverwrites: { get: () => undefined },
				getDecrypted: async (...sent: unknown[]) => {
					// Resolved, expressions would not show.
					expect(sent[5]).toBe(true);
					return stored;
				},
				...helper,
			},
			...additionalData,
		},
	} as unknown as IExecuteFunctions;
}

const PLAIN = { label: 'CRM', scopes: ['a', 'b'], keepIdToken: false, minutes: 5, none: null };

test('a credential without expressions is the same for all items', async () => {
	expect(await isSameForAllItems(run(PLAIN))).toBe(true);
	// n8n does not take these for expressions.
	expect(
		await isSameForAllItems(run({ clientSecret: 'a={{ b }}', scope: ' ={{ $json.x }}' })),
	).toBe(true);
});

test.each([
	['={{ $json.tenant }}'],
	['={{ $vars.tenant }}'],
	['={{ $secrets.vault.key }}'],
	['={{ $self.label }}'],
	['={{ $now }}'],
	['=text'],
])('%s may depend on the item', async (expression) => {
	expect(await isSameForAllItems(run({ ...PLAIN, tenantId: expression }))).toBe(false);
	expect(await isSameForAllItems(run({ ...PLAIN, list: [{ deep: [expression] }] }))).toBe(false);
	expect(await isSameForAllItems(run({ ...PLAIN, map: { [expression]: 1 } }))).toBe(false);
});

test.each<[string, IExecuteFunctions]>([
	[
		'the operator overwrites fields',
		run(PLAIN, { helper: { credentialsOverwrites: { get: () => ({ clientId: 'x' }) } } }),
	],
	['overwrites cannot be asked for', run(PLAIN, { helper: { credentialsOverwrites: {} } })],
	['overwrites are kept elsewhere', run(PLAIN, { helper: { credentialsOverwrites: undefined } })],
	[
		'each person has another one',
		run(PLAIN, { additionalData: { executionContext: { credentials: {} } } }),
	],
	[
		'n8n looked for a person’s own',
		run(PLAIN, { additionalData: { currentNodeAttemptedDynamicCredentials: true } }),
	],
	['n8n’s gateway makes it', run(PLAIN, { details: { __aiGatewayManaged: true } })],
	['there is no helper', run(PLAIN, { additionalData: { credentialsHelper: undefined } })],
	['n8n keeps nothing there', { getNode: run(PLAIN).getNode } as IExecuteFunctions],
	[
		'it cannot be read',
		run(PLAIN, { helper: { getDecrypted: async () => await Promise.reject(new Error('no')) } }),
	],
	['reading is another function', run(PLAIN, { helper: { getDecrypted: undefined } })],
	['what was read is no object', run('secret')],
])('where %s, each item reads it', async (_, node) => {
	expect(await isSameForAllItems(node)).toBe(false);
});
