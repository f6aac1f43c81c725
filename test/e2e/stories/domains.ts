import type { Fields } from '../support/database';
import { httpRequest, vaultedOAuth2, type Caller } from '../support/nodes';
import type { Scene } from '../support/scene';

type Story = [string, Caller, Fields];

const HERE = { allowedHttpRequestDomains: 'domains', allowedDomains: 'example.com, 127.0.0.1' };
const ELSEWHERE = { allowedHttpRequestDomains: 'domains', allowedDomains: 'example.com' };

const STORIES: Story[] = [
	['the companion node: all', vaultedOAuth2, { allowedHttpRequestDomains: 'all' }],
	['the companion node: the API’s', vaultedOAuth2, HERE],
	['the companion node: another', vaultedOAuth2, ELSEWHERE],
	['the companion node: none', vaultedOAuth2, { allowedHttpRequestDomains: 'none' }],
	['the HTTP Request node: the API’s', httpRequest, HERE],
	['the HTTP Request node: another', httpRequest, ELSEWHERE],
];

/** The field "Allowed HTTP Request Domains", which n8n adds to the credential's form. */
export function domainStories(scene: () => Scene): void {
	it.each(STORIES)('%s', async (_name, call, fields) => {
		const saved = await scene().seal();
		await scene().edit(saved, fields);
		const before = await scene().noticed();
		const node = call(scene(), saved, { path: '/me' });
		const { nodes } = await scene().run(await scene().workflow(node));
		const { items, error } = nodes[node.name] ?? {};
		const after = await scene().noticed();
		if (fields !== ELSEWHERE) {
			expect([error, items]).toEqual([undefined, [{ id: 'user-1', name: 'Test User' }]]);
			expect(after.apiCalls).toBe(before.apiCalls + 1);
		} else {
			expect(error).toMatch(/Domain not allowed/);
			expect(after.apiCalls).toBe(before.apiCalls);
		}
	});
}
