import { getAdditionalKeys, Credentials } from 'n8n-core';
import {
	deepCopy,
	getCredentialOwnRequestAllowedDomains,
	ICredentialsHelper,
	injectDomainRestrictionFields,
	isExpression,
	NodeHelpers,
	UserError,
	Workflow,
	type ICredentialDataDecryptedObject,
	type ICredentialsExpressionResolveValues,
	type ICredentialType,
	type IExecuteData,
	type IHttpRequestHelper,
	type IHttpRequestOptions,
	type INode,
	type INodeCredentialsDetails,
	type INodeProperties,
	type INodeTypes,
	type IWorkflowExecuteAdditionalData,
	type WorkflowExecuteMode,
} from 'n8n-workflow';

type Fields = ICredentialDataDecryptedObject;

/** One row of the credentials table. */
interface Row {
	readonly name: string;
	readonly type: string;
	/** What n8n would encrypt. */
	data: Fields;
}

/** What expressions are resolved on where there is no workflow: a node without properties. */
const BARE_NODE: INode = {
	id: 'bare',
	name: '',
	type: 'bare',
	typeVersion: 1,
	position: [0, 0],
	parameters: {},
};

const BARE_TYPES = {
	getKnownTypes: () => ({}),
	getByName: () => undefined,
	getByNameAndVersion: () => ({ description: { properties: [] } }),
} as unknown as INodeTypes;

/** The helpers preAuthentication gets: requests of a credential restricted to some domains stay there. */
function restricted({ helpers }: IHttpRequestHelper, credentials: Fields): IHttpRequestHelper {
	return {
		helpers: {
			httpRequest: async (options: IHttpRequestOptions) => {
				const allowedDomains = getCredentialOwnRequestAllowedDomains(credentials);
				return (await helpers.httpRequest(
					allowedDomains === undefined ? options : { ...options, allowedDomains },
				)) as unknown;
			},
		},
	};
}

/**
 * n8n's credentials with the database in memory. Does what n8n 2.39 does in `preAuthentication`, `authenticate` and `getDecrypted`;
 * without overwrites, external secrets and dynamic credentials.
 */
export class InMemoryCredentials extends ICredentialsHelper {
	private readonly rows = new Map<string, Row>();
	private readonly types = new Map<string, ICredentialType>();
	/** How many rows were read: what n8n reads and decrypts costs most of a request with a credential. */
	reads = 0;
	/** What the operator puts into empty fields: n8n's `CREDENTIALS_OVERWRITE_DATA`. Nothing here. */
	readonly credentialsOverwrites = { get: (_type: string): Fields | undefined => undefined };

	constructor(types: readonly ICredentialType[]) {
		super();
		for (const type of types) this.types.set(type.name, type);
	}

	/** Writes the form into the database, as the editor does before it tests. Values left out get their defaults. */
	save(
		type: string,
		data: Fields,
		id = `credential-${this.rows.size + 1}`,
	): INodeCredentialsDetails & { id: string } {
		const name = `${type} ${id}`;
		const complete = NodeHelpers.getNodeParameters(
			this.getCredentialsProperties(type),
			data as never,
			true,
			false,
			null,
			null,
		);
		this.rows.set(id, { name, type, data: deepCopy({ ...complete, ...data }) as Fields });
		return { id, name };
	}

	/** What the database holds, decrypted. */
	stored(id: string): Fields {
		return deepCopy(this.row({ id, name: '' }).data);
	}

	/** Everything in the database, decrypted, as one text; of the records told, where not of all. */
	dump(which: (fields: Fields) => boolean = () => true): string {
		return JSON.stringify([...this.rows].filter(([, { data }]) => which(data)));
	}

	override getParentTypes(): string[] {
		return [];
	}

	override isCredentialUsableByNode(): boolean {
		return true;
	}

	override getCredentialsProperties(type: string): INodeProperties[] {
		return injectDomainRestrictionFields(this.type(type));
	}

	override async authenticate(
		credentials: Fields,
		typeName: string,
		requestOptions: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> {
		const { authenticate } = this.type(typeName);
		if (typeof authenticate !== 'function') return requestOptions;
		return await authenticate(credentials, requestOptions);
	}

	// n8n's own signature has five parameters.
	// eslint-disable-next-line @typescript-eslint/max-params
	override async preAuthentication(
		helpers: IHttpRequestHelper,
		credentials: Fields,
		typeName: string,
		node: INode,
		credentialsExpired: boolean,
	): Promise<Fields | undefined> {
		const type = this.type(typeName);
		const expirable = type.properties.find(
			({ type: kind, typeOptions }) => kind === 'hidden' && typeOptions?.expirable === true,
		)?.name;
		if (expirable === undefined || type.preAuthentication === undefined) return undefined;
		const isTest = node.type === 'n8n-nodes-base.noOp' && node.parameters['temp'] === '';
		if (credentials[expirable] !== '' && !credentialsExpired && !isTest) return undefined;

		const output = await type.preAuthentication.call(restricted(helpers, credentials), credentials);
		if (output[expirable] === undefined || node.credentials === undefined) return undefined;
		const details = node.credentials[typeName];
		if (details === undefined) return undefined;
		const stored = this.row(details).data;
		const kept = Object.entries(output).filter(
			([key]) => key === expirable || !isExpression(stored[key]),
		);
		await this.updateCredentials(details, typeName, {
			...stored,
			...Object.fromEntries(kept),
		} as Fields);
		return Object.assign<Fields, object>(credentials, output);
	}

	override async runPreAuthentication(
		helpers: IHttpRequestHelper,
		credentials: Fields,
		typeName: string,
	): Promise<Fields | undefined> {
		const { preAuthentication } = this.type(typeName);
		return (await preAuthentication?.call(restricted(helpers, credentials), credentials)) as
			Fields | undefined;
	}

	override async getCredentials(
		details: INodeCredentialsDetails,
		type: string,
	): Promise<Credentials> {
		const credentials = new Credentials({ id: details.id, name: details.name }, type);
		await credentials.setData(this.row(details).data);
		return credentials;
	}

	// n8n's own signature has seven parameters.
	// eslint-disable-next-line @typescript-eslint/max-params
	override async getDecrypted(
		additionalData: IWorkflowExecuteAdditionalData,
		details: INodeCredentialsDetails,
		type: string,
		mode: WorkflowExecuteMode,
		executeData?: IExecuteData,
		raw?: boolean,
		values?: ICredentialsExpressionResolveValues,
	): Promise<Fields> {
		this.reads += 1;
		const data = deepCopy(this.row(details).data);
		if (raw === true) return data;
		return await this.resolve(data, { additionalData, type, mode, executeData, values });
	}

	override async updateCredentials(
		details: INodeCredentialsDetails,
		_type: string,
		data: Fields,
	): Promise<void> {
		this.row(details).data = deepCopy(data);
	}

	override async updateCredentialsOauthTokenData(): Promise<void> {
		throw new UserError('Only credentials of n8n itself keep tokens in the database');
	}

	/** Defaults filled in, fields the form does not show left out, expressions resolved: what nodes and hooks get to see. */
	async resolve(
		data: Fields,
		{
			additionalData,
			type,
			mode,
			executeData,
			values,
		}: {
			additionalData: IWorkflowExecuteAdditionalData;
			type: string;
			mode: WorkflowExecuteMode;
			executeData?: IExecuteData | undefined;
			values?: ICredentialsExpressionResolveValues | undefined;
		},
	): Promise<Fields> {
		const shown = NodeHelpers.getNodeParameters(
			this.getCredentialsProperties(type),
			data as never,
			true,
			false,
			null,
			null,
		) as Fields;
		for (const key of ['allowedHttpRequestDomains', 'allowedDomains']) {
			if (shown[key] === undefined && data[key] !== undefined) shown[key] = data[key];
		}
		const keys = getAdditionalKeys(additionalData, mode, null, { isCredential: true });
		if (values !== undefined) {
			return values.workflow.expression.getParameterValue(
				shown as never,
				values.runExecutionData,
				values.runIndex,
				values.itemIndex,
				values.node.name,
				values.connectionInputData,
				mode,
				keys,
				executeData,
				false,
				shown,
			) as unknown as Fields;
		}
		const workflow = new Workflow({
			nodes: [BARE_NODE],
			connections: {},
			active: false,
			nodeTypes: BARE_TYPES,
		});
		await workflow.expression.acquireIsolate();
		try {
			return workflow.expression.getComplexParameterValue(
				BARE_NODE,
				shown as never,
				mode,
				keys,
				undefined,
				undefined,
				shown,
			) as Fields;
		} finally {
			await workflow.expression.releaseIsolate();
		}
	}

	type(name: string): ICredentialType {
		const type = this.types.get(name);
		if (type === undefined) throw new UserError(`Unknown credential type ${name}`);
		return type;
	}

	private row({ id }: INodeCredentialsDetails): Row {
		const row = id === null ? undefined : this.rows.get(id);
		if (row === undefined) throw new UserError('Found credential with no ID.');
		return row;
	}
}
