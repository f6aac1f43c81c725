import { createDecipheriv, createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export type Fields = Record<string, unknown>;

/** While n8n writes, nobody else can. */
const WAIT_FOR_N8N = 'PRAGMA busy_timeout = 10000';

function md5(...parts: Buffer[]): Buffer {
	return createHash('md5').update(Buffer.concat(parts)).digest();
}

/** n8n's encryption of credentials: AES-256-CBC, key and initialisation vector derived like OpenSSL's `enc` does it. */
function decrypt(text: string, passphrase: string): string {
	const sealed = Buffer.from(text, 'base64');
	const salt = sealed.subarray(8, 16);
	const secret = Buffer.concat([Buffer.from(passphrase), salt]);
	const first = md5(secret);
	const second = md5(first, secret);
	const iv = md5(second, secret);
	const decipher = createDecipheriv('aes-256-cbc', Buffer.concat([first, second]), iv);
	return Buffer.concat([decipher.update(sealed.subarray(16)), decipher.final()]).toString();
}

/** n8n's SQLite database, used while n8n runs. Its command line would read the same, but takes seconds to start. */
export class Database {
	readonly #file: string;
	readonly #encryptionKey: string;

	/** @param userFolder of an n8n that has started, so that its settings file is there */
	constructor(userFolder: string) {
		const folder = join(userFolder, '.n8n');
		const settings = JSON.parse(readFileSync(join(folder, 'config'), 'utf8')) as {
			encryptionKey: string;
		};
		this.#file = join(folder, 'database.sqlite');
		this.#encryptionKey = settings.encryptionKey;
	}

	/** n8n's own encryption key, which the local vault uses too. */
	get encryptionKey(): string {
		return this.#encryptionKey;
	}

	/** The fields of a credential, decrypted. */
	credential(id: string): Fields {
		const [row] = this.#query('SELECT data FROM credentials_entity WHERE id = ?', id);
		if (row === undefined) throw new Error(`n8n has no credential ${id}`);
		return JSON.parse(decrypt(String(row['data']), this.#encryptionKey)) as Fields;
	}

	/** The ids of every execution that n8n keeps. */
	executionIds(): string[] {
		return this.#query('SELECT id FROM execution_entity').map(({ id }) => String(id));
	}

	/** Lets a user use a credential in workflows, and no more. Without a licence n8n's own interface offers that to nobody. */
	share(credentialId: string, email: string): void {
		this.#run(
			`INSERT INTO shared_credentials (credentialsId, projectId, role)
			 SELECT ?, relation.projectId, 'credential:user' FROM project_relation relation
			 JOIN user ON user.id = relation.userId
			 WHERE user.email = ? AND relation.role = 'project:personalOwner'`,
			credentialId,
			email,
		);
	}

	/** Moves a credential into a project that a user is an editor of. Without a licence n8n's own interface makes no projects. */
	moveToProjectOf(credentialId: string, email: string): void {
		const project = randomUUID();
		this.#run("INSERT INTO project (id, name, type) VALUES (?, 'Shared', 'team')", project);
		this.#run(
			`INSERT INTO project_relation (projectId, userId, role)
			 SELECT ?, id, 'project:editor' FROM user WHERE email = ?`,
			project,
			email,
		);
		this.#run(
			'UPDATE shared_credentials SET projectId = ? WHERE credentialsId = ?',
			project,
			credentialId,
		);
	}

	#run(sql: string, ...parameters: string[]): void {
		const database = new DatabaseSync(this.#file);
		try {
			database.exec(WAIT_FOR_N8N);
			database.prepare(sql).run(...parameters);
		} finally {
			database.close();
		}
	}

	#query(sql: string, ...parameters: string[]): Record<string, unknown>[] {
		const database = new DatabaseSync(this.#file, { readOnly: true });
		try {
			database.exec(WAIT_FOR_N8N);
			return database.prepare(sql).all(...parameters);
		} finally {
			database.close();
		}
	}
}
