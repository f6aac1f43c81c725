import { LoggerProxy } from 'n8n-workflow';

import { loadAsN8n } from './n8nModules';

interface N8nWorkflow {
	readonly LoggerProxy: typeof LoggerProxy;
}

function n8nWorkflow(): N8nWorkflow {
	try {
		return loadAsN8n('n8n-workflow') as N8nWorkflow;
	} catch {
		// Not in n8n: a tool that looks at the credential's form.
		return { LoggerProxy };
	}
}

/**
 * n8n's own log. If another copy of n8n-workflow lies beside this package, the log of that copy goes nowhere, and n8n does not recognise its
 * errors: a warning on stderr says so.
 */
export function n8nLog(): typeof LoggerProxy {
	const own = n8nWorkflow().LoggerProxy;
	if (own !== LoggerProxy) {
		process.emitWarning(
			'a second n8n-workflow was installed beside n8n-nodes-vaulted-oauth2, which n8n does not use. Remove it: run "npm uninstall n8n-workflow; npm prune" where the package was installed.',
			{ type: 'VaultedOAuth2Warning', code: 'SECOND_N8N_WORKFLOW' },
		);
	}
	return own;
}
