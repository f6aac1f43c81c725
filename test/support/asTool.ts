import type { INodeProperties, INodeType } from 'n8n-workflow';

const descriptions: INodeProperties[] = [
	{
		displayName: 'Tool Description',
		name: 'descriptionType',
		type: 'options',
		options: [
			{ name: 'Set Automatically', value: 'auto' },
			{ name: 'Set Manually', value: 'manual' },
		],
		default: 'auto',
	},
	{
		displayName: 'Description',
		name: 'toolDescription',
		type: 'string',
		displayOptions: { show: { descriptionType: ['manual'] } },
		default: '',
	},
];

/** What n8n makes of a node for an AI agent: under a name of its own, with a description for the model. */
export function asTool<T extends INodeType>(node: T): T {
	const { name, properties } = node.description;
	node.description = {
		...node.description,
		name: `${name}Tool`,
		properties: [...descriptions, ...properties],
	};
	return node;
}
