import type { Execution, WorkflowNode } from '../../../demo/harness/n8nRest';
import type { Fields } from '../support/database';
import { httpRequest, manyItems, vaultedOAuth2, type Caller } from '../support/nodes';
import type { Saved, Scene } from '../support/scene';
import { until } from '../support/until';

const CALLERS: [string, Caller][] = [
	['the HTTP Request node', httpRequest],
	['the companion node', vaultedOAuth2],
];

const ITEMS = 50;
const EXECUTIONS = 25;

/** Seconds. A third of it at most is refreshed ahead, which leaves a slow machine 2 s for the call that does it. */
const SHORT_LIFETIME = 6;

/** Workflows that call the API, with n8n's own node and with the companion node. */
export function callingStories(scene: () => Scene): void {
	async function run(...nodes: WorkflowNode[]): Promise<Execution> {
		return await scene().run(await scene().workflow(...nodes));
	}

	function errorsIn({ nodes }: Execution): string[] {
		return Object.values(nodes).flatMap(({ error }) => error ?? []);
	}

	/** A connection whose first token lives that long (seconds), and all later ones an hour. */
	async function sealedFor(seconds: number, form = scene().form()): Promise<Saved> {
		const { provider } = scene();
		provider.accessTokenSeconds = seconds;
		try {
			return await scene().seal(form);
		} finally {
			provider.accessTokenSeconds = 3600;
		}
	}

	/** A connection whose token has expired. */
	async function expired(): Promise<Saved> {
		const saved = await sealedFor(1);
		const { access_token: token } = (await scene().bundle(saved)).token;
		await until('the token expires', () => !scene().provider.isActive(token));
		return saved;
	}

	it('both nodes call the API with the token that was sealed', async () => {
		const saved = await scene().seal();
		const before = await scene().noticed();
		const { status, nodes } = await run(
			vaultedOAuth2(scene(), saved, { path: '/me' }),
			httpRequest(scene(), saved, { path: '/items' }),
		);
		expect(status).toBe('success');
		expect(nodes['Vaulted OAuth2']?.items).toEqual([{ id: 'user-1', name: 'Test User' }]);
		expect(nodes['HTTP Request']?.items).toMatchObject([
			{ page: 1, items: [{ id: 1 }, { id: 2 }] },
		]);
		expect(await scene().noticed()).toEqual({ ...before, apiCalls: before.apiCalls + 2 });
	});

	it.each<[string, () => Promise<Fields>]>([
		['Client Credentials', async () => scene().form()],
		['Refresh Token', async () => await scene().refreshTokenForm()],
	])(
		'%s: the token is replaced before it expires, and no call is refused',
		async (_grant, form) => {
			const { provider, api } = scene();
			const saved = await sealedFor(SHORT_LIFETIME, await form());
			const [first, refused] = [provider.issued.at(-1)!, api.countRequests({ status: 401 })];
			const sealed = await scene().bundle(saved);
			const workflow = await scene().workflow(
				httpRequest(scene(), saved, { path: '/me' }),
				vaultedOAuth2(scene(), saved, { path: '/me' }),
			);
			const requests = provider.countTokenRequests();
			await until('another token is issued', async () => {
				expect(await scene().run(workflow)).toMatchObject({ status: 'success' });
				return provider.countTokenRequests() > requests;
			});

			expect(provider.countTokenRequests() - requests).toBe(1);
			expect(provider.issued.at(-1)!.issuedAt).toBeLessThan(first.expiresAt);
			expect(api.countRequests({ status: 401 })).toBe(refused);
			const bundle = await scene().bundle(saved);
			expect(bundle.token.access_token).not.toBe(sealed.token.access_token);
			expect(provider.isActive(bundle.token.access_token)).toBe(true);
			if (sealed.refresh_token !== undefined) {
				expect(bundle.refresh_token).not.toBe(sealed.refresh_token);
			}
		},
	);

	it.each(CALLERS)(`%s: ${ITEMS} items at expiry, 1 token request`, async (_name, call) => {
		const saved = await expired();
		const before = await scene().noticed();
		const refused = scene().api.countRequests({ status: 401 });

		const node = call(scene(), saved, { path: '/me' });
		const { status, nodes } = await run(manyItems(ITEMS), node);
		expect(status).toBe('success');
		expect(nodes[node.name]?.items).toHaveLength(ITEMS);
		const after = await scene().noticed();
		expect(after.tokenRequests - before.tokenRequests).toBe(1);
		expect(after.apiCalls - before.apiCalls).toBe(ITEMS);
		expect(scene().api.countRequests({ status: 401 })).toBe(refused);
	});

	it(`${EXECUTIONS} executions at once at expiry, 1 token request`, async () => {
		const saved = await expired();
		const before = await scene().noticed();
		const refused = scene().api.countRequests({ status: 401 });

		const workflow = await scene().workflow(
			httpRequest(scene(), saved, { path: '/me' }),
			vaultedOAuth2(scene(), saved, { path: '/me' }),
		);
		const executions = await scene().runAtOnce(workflow, EXECUTIONS);
		expect(executions.map(({ status }) => status)).toEqual(Array(EXECUTIONS).fill('success'));
		const after = await scene().noticed();
		expect(after.tokenRequests - before.tokenRequests).toBe(1);
		expect(after.apiCalls - before.apiCalls).toBe(2 * EXECUTIONS);
		expect(scene().api.countRequests({ status: 401 })).toBe(refused);
	});

	describe.each(CALLERS)('%s', (_name, call) => {
		it.each(['', '/me'])(
			'never sends a POST twice that was answered with 404 or 500 (Validation Path "%s")',
			async (validationPath) => {
				const saved = await scene().seal(scene().form({ validationPath }));
				for (const status of [404, 500]) {
					const path = `/status/${status}`;
					const posts = { method: 'POST', path };
					const before = scene().api.countRequests(posts);
					const execution = await run(call(scene(), saved, posts));
					expect(execution.status).toBe('error');
					expect(errorsIn(execution)).toHaveLength(1);
					expect(scene().api.countRequests(posts) - before).toBe(1);
				}
			},
		);

		it('goes on with a new token where the present one was revoked (Validation Path set)', async () => {
			const saved = await scene().seal(scene().form({ validationPath: '/me' }));
			scene().provider.revoke((await scene().bundle(saved)).token.access_token);

			const posts = { method: 'POST', path: '/echo' };
			const before = scene().api.countRequests({ ...posts, status: 200 });
			const { status } = await run(call(scene(), saved, posts));
			expect(status).toBe('success');
			expect(scene().api.countRequests({ ...posts, status: 200 }) - before).toBe(1);
		});
	});

	it('with a revoked token and no Validation Path, the HTTP Request node gets another one, which the companion node shares', async () => {
		const saved = await scene().seal();
		scene().provider.revoke((await scene().bundle(saved)).token.access_token);
		const before = await scene().noticed();

		for (const node of [httpRequest, vaultedOAuth2])
			expect(await run(node(scene(), saved, { path: '/me' }))).toMatchObject({ status: 'success' });
		expect((await scene().noticed()).tokenRequests).toBe(before.tokenRequests + 1);
	});
}
