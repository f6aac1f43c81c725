import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installN8n } from '../../../demo/harness/installN8n';
import { installPackage, newUserFolder } from '../../../demo/harness/installPackage';
import { N8nRest, type Login } from '../../../demo/harness/n8nRest';
import type { Run } from '../../../demo/harness/run';
import { startN8n, type RunningN8n } from '../../../demo/harness/startN8n';
import type { AwsIdentity } from '../../support/secretsManagerServer';
import { Database } from './database';

/** Who the host is to AWS, as the environment of n8n tells it. The instance does not let credentials use that. */
export const HOST_IDENTITY: AwsIdentity = {
	accessKeyId: 'host-access-key',
	secretAccessKey: 'not-a-real-host-key',
	arn: 'arn:aws:iam::123456789012:role/host',
};

/** Another n8n than the one of the lock file: `npm run test:versions -- 2.20.12`. */
const { E2E_N8N_VERSION } = process.env;

export const RUN: Run = {
	root: join(__dirname, '..', '..', '..'),
	report: (line) => process.stderr.write(`${line}\n`),
	...(E2E_N8N_VERSION === undefined ? {} : { n8nVersion: E2E_N8N_VERSION }),
};

function newLogin(email: string): Login {
	return { email, password: `Test-1-${randomBytes(9).toString('base64url')}` };
}

/** A real n8n with the package installed as a user gets it, an owner and a member. */
export class Instance {
	/** The text of everything n8n answered or pushed to anybody of this suite. */
	readonly answers: string[] = [];
	readonly ownerLogin = newLogin('owner@example.com');
	readonly memberEmail = 'member@example.com';
	readonly owner: N8nRest;
	readonly member: N8nRest;
	readonly database: Database;

	private constructor(readonly n8n: RunningN8n) {
		const received = (text: string) => this.answers.push(text);
		this.owner = new N8nRest(n8n.url, undefined, received);
		this.member = new N8nRest(n8n.url, undefined, received);
		this.database = new Database(n8n.userFolder);
	}

	/** @param install makes the user folder; as n8n itself installs packages unless told */
	static async start({
		install = newUserFolder,
		logName = 'n8n-e2e',
	}: {
		install?: (nodes: string) => Promise<string>;
		logName?: string;
	} = {}): Promise<Instance> {
		await installN8n(RUN);
		const userFolder = await install(await installPackage(RUN));
		try {
			const n8n = await startN8n(RUN, {
				userFolder,
				logName,
				env: {
					N8N_LOG_LEVEL: 'debug',
					AWS_ACCESS_KEY_ID: HOST_IDENTITY.accessKeyId,
					AWS_SECRET_ACCESS_KEY: HOST_IDENTITY.secretAccessKey,
				},
			});
			const instance = new Instance(n8n);
			await instance.#welcomeUsers().catch(async (error: unknown) => {
				await instance.close();
				throw error;
			});
			return instance;
		} catch (error) {
			await rm(userFolder, { recursive: true, force: true });
			throw error;
		}
	}

	async close(): Promise<void> {
		await this.n8n.stop();
		await rm(this.n8n.userFolder, { recursive: true, force: true });
	}

	async #welcomeUsers(): Promise<void> {
		await this.owner.setUpOwner(this.ownerLogin);
		const { email, password } = newLogin(this.memberEmail);
		const [invitation] = await this.owner.request<{ user: { inviteAcceptUrl: string } }[]>(
			'POST',
			'/invitations',
			[{ email, role: 'global:member' }],
		);
		const link = new URL(invitation!.user.inviteAcceptUrl).searchParams;
		const { inviteeId, ...proof } = Object.fromEntries(link);
		// Older versions, 1.123 among them, have the user's id in the link, later ones a token.
		const user = inviteeId === undefined ? '' : `/${inviteeId}`;
		await this.member.request('POST', `/invitations${user}/accept`, {
			...proof,
			password,
			firstName: 'Second',
			lastName: 'User',
		});
	}
}
