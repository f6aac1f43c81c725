import { randomInt } from 'node:crypto';

import { AwsError } from './awsError.ts';
import { Secret } from './secret.ts';

const SUFFIX_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** The secrets of one account in one region. */
export class Secrets {
	readonly #secrets = new Map<string, Secret>();
	readonly #arnPrefix: string;
	readonly #versionQuota: number;
	readonly #now: () => number;

	constructor(options: {
		region: string;
		accountId: string;
		versionQuota: number;
		now: () => number;
	}) {
		this.#arnPrefix = `arn:aws:secretsmanager:${options.region}:${options.accountId}:secret:`;
		this.#versionQuota = options.versionQuota;
		this.#now = options.now;
	}

	now(): number {
		return this.#now();
	}

	/** Every secret whose recovery window has not ended. */
	all(): Secret[] {
		for (const [name, secret] of this.#secrets) {
			if (secret.deletion && secret.deletion.dueAt <= this.#now()) this.#secrets.delete(name);
		}
		return [...this.#secrets.values()];
	}

	/** By name, by full ARN, or by ARN without the random suffix. */
	lookUp(secretId: string): Secret | undefined {
		return this.all().find(
			({ name, arn }) =>
				name === secretId || arn === secretId || `${this.#arnPrefix}${name}` === secretId,
		);
	}

	require(secretId: string): Secret {
		const secret = this.lookUp(secretId);
		if (secret) return secret;
		throw new AwsError(
			'ResourceNotFoundException',
			"Secrets Manager can't find the specified secret.",
		);
	}

	/** A secret that is not waiting for its deletion. */
	requireLive(secretId: string): Secret {
		const secret = this.require(secretId);
		if (!secret.deletion) return secret;
		throw new AwsError(
			'InvalidRequestException',
			"You can't perform this operation on the secret because it was marked for deletion.",
		);
	}

	add(name: string): Secret {
		if (!/^[\w/+=.@!-]{1,512}$/.test(name)) {
			throw new AwsError(
				'ValidationException',
				'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
			);
		}
		const suffix = Array.from({ length: 6 }, () =>
			SUFFIX_CHARACTERS.charAt(randomInt(SUFFIX_CHARACTERS.length)),
		).join('');
		const secret = new Secret({
			arn: `${this.#arnPrefix}${name}-${suffix}`,
			name,
			createdAt: this.#now(),
			versionQuota: this.#versionQuota,
		});
		this.#secrets.set(name, secret);
		return secret;
	}

	remove(secret: Secret): void {
		this.#secrets.delete(secret.name);
	}
}
