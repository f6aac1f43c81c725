import { Person } from '../../demo/harness/person';
import type { AuthorizationFlow, Connected } from '../../src/authorization/authorizationFlow';
import type { Connections } from '../../src/connections';
import { PASTE_URI, REDIRECT_URI, type Form, type WholeCore } from '../support/wholeCore';

/** A browser on its way through a flow, as far as the trigger's callback. */
export interface Visit {
	readonly person: Person;
	/** The query the provider sent the browser back with. */
	readonly response: URLSearchParams;
	/** Cookie header of this browser at the callback. */
	readonly cookies: string;
}

interface VisitOptions {
	readonly person?: Person;
	readonly link?: string;
	/** Who signs in at the provider. */
	readonly account?: string;
}

/** A browser that stops where the provider sends it back to. */
export function newPerson(): Person {
	return new Person(({ href }) => href.startsWith(REDIRECT_URI) || href.startsWith(PASTE_URI));
}

/** What people and forms do to connect accounts. */
export function accountsOf(core: () => WholeCore) {
	let label = 0;

	/** A saved credential that nobody has connected yet, of a label of its own. */
	async function saved(changes: Form = {}): Promise<Form> {
		label += 1;
		return await core().save(core().codeForm({ label: `Account ${label}`, ...changes }));
	}

	async function flowOf(form: Form, connections?: Connections): Promise<AuthorizationFlow> {
		const own = connections ?? core().connections;
		const { authorization } = own.open(await own.read(form));
		if (authorization === undefined) throw new Error('not an authorization code connection');
		return authorization;
	}

	async function linkOf(form: Form, lifetimeMs?: number): Promise<string> {
		const flow = await flowOf(form);
		const { connectUrl = '' } = await flow.links({
			by: { from: 'form' },
			...(lifetimeMs === undefined ? {} : { lifetimeMs }),
		});
		return new URL(connectUrl).searchParams.get('link') ?? '';
	}

	/** Opens a link and consents; the browser ends at the callback, which has not looked at anything yet. */
	async function visit(form: Form, options: VisitOptions = {}): Promise<Visit> {
		const { person = newPerson(), link, account } = options;
		const flow = await flowOf(form);
		const { location, cookie } = await flow.connect(link ?? (await linkOf(form)));
		const { url } = await person.consent(location, account);
		return { person, response: url.searchParams, cookies: `${cookie.name}=${cookie.value}` };
	}

	async function connect(form: Form, options: VisitOptions = {}): Promise<Connected> {
		const { response, cookies } = await visit(form, options);
		return await (await flowOf(form)).callback(response, cookies);
	}

	/** A minute after an account was connected, the visit of somebody else, who is about to replace it. */
	async function visitOfAnother(form: Form): Promise<Visit> {
		await connect(form);
		core().wait(60);
		return await visit(form, { account: 'sam' });
	}

	/** A link that was opened by somebody who does not go to the provider. */
	async function begun(form: Form, link: string): Promise<{ state: string; cookies: string }> {
		const { location, cookie } = await (await flowOf(form)).connect(link);
		const state = new URL(location).searchParams.get('state') ?? '';
		return { state, cookies: `${cookie.name}=${cookie.value}` };
	}

	/** The access token that another process finds in the store, or the code of its failure. */
	async function status(form: Form): Promise<string> {
		const process = core().process();
		const { tokens } = process.open(await process.read(form));
		return await tokens.get().then(
			({ accessToken }) => accessToken,
			(error: unknown) => (error as { code: string }).code,
		);
	}

	return { saved, flowOf, linkOf, visit, visitOfAnother, connect, begun, status };
}
