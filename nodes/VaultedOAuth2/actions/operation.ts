import type { IExecuteFunctions, INodeExecutionData, INodeProperties } from 'n8n-workflow';

import type { Asker } from '../../../src';

/** One input item, on its way through an operation. */
export interface Item {
	readonly node: IExecuteFunctions;
	readonly itemIndex: number;
}

/** What can be done with one item. */
export interface Operation {
	/** The operation's own fields, shown where it is chosen. */
	readonly description: INodeProperties[];
	/** The items this item becomes; the router says which input item they come from. */
	execute(item: Item): Promise<INodeExecutionData[]>;
}

/** What asks, for the audit trail: the workflow and its run, not the person. */
export function askerOf({ node }: Item): Asker {
	const { id } = node.getWorkflow();
	const executionId = node.getExecutionId() as string | undefined;
	return {
		from: 'workflow',
		...(id === undefined ? {} : { workflowId: id }),
		...(executionId === undefined ? {} : { executionId }),
	};
}

/** The item's value of a parameter, expressions resolved. `fallback` where the form does not show the parameter. */
export function parameter<T>({ node, itemIndex }: Item, name: string, fallback: NoInfer<T>): T {
	return node.getNodeParameter(name, itemIndex, fallback) as T;
}
