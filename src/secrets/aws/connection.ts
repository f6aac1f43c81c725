import type { Egress } from '../../http/egress';

/** Long-lived keys of a user, or temporary ones with their session token. */
export interface AwsAccessKey {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
}

/** Which AWS identity the store acts as. */
export type AwsCredentials =
	/** The host's own identity: the SDK's default provider chain. */
	| { readonly kind: 'default' }
	| ({ readonly kind: 'accessKey' } & AwsAccessKey)
	| {
			readonly kind: 'assumeRole';
			readonly roleArn: string;
			readonly externalId?: string;
			/** Names the session in CloudTrail. Default `n8n-vaulted-oauth2`. */
			readonly sessionName?: string;
			/** Stays in CloudTrail also through further roles; the role's trust policy has to allow `sts:SetSourceIdentity`. */
			readonly sourceIdentity?: string;
			/** Who assumes the role; the host's own identity where absent. */
			readonly base?: AwsAccessKey;
	  };

/** Where the secrets are and who asks for them. */
export interface AwsSecretsManagerOptions {
	readonly region: string;
	/** A VPC endpoint or an emulator; AWS's regional endpoint where absent. */
	readonly endpoint?: string;
	readonly credentials: AwsCredentials;
	/** Whether the instance lets a credential use the host's identity: n8n's `N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED`. */
	readonly systemCredentialsAllowed: boolean;
	readonly egress: Pick<Egress, 'open'>;
	/** Of a new secret: ID, ARN or alias; AWS's own key for Secrets Manager if absent. */
	readonly kmsKeyId?: string;
	/** Of a new secret, besides those that its creator gives. */
	readonly tags?: Readonly<Record<string, string>>;
	/** Accounts that a secret may be in, 12 digits each. Default: any. */
	readonly allowedAccounts?: readonly string[] | undefined;
	readonly timeouts?: AwsTimeouts;
}

/** All in milliseconds. */
export interface AwsTimeouts {
	/** Until the connection stands. Default 3,000. */
	readonly connect: number;
	/** One attempt, until the answer begins. Default 10,000. */
	readonly request: number;
	/** One call with all its attempts and the whole of its answer. Default 35,000. */
	readonly call: number;
}

/** Three attempts fit into one call. */
export const DEFAULT_TIMEOUTS: AwsTimeouts = { connect: 3_000, request: 10_000, call: 35_000 };

/** True where the identity would come from the host rather than from the credential. */
export function usesHostIdentity(credentials: AwsCredentials): boolean {
	return credentials.kind === 'default' || (credentials.kind === 'assumeRole' && !credentials.base);
}
