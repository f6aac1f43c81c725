import type * as N8nLog from '../../credentials/n8nLog';

const LOG = { warn: () => undefined };

/** The module beside n8n's own n8n-workflow, or beside none of n8n's. */
function load(loadAsN8n: () => unknown): typeof N8nLog {
	jest.doMock('../../credentials/n8nModules', () => ({ loadAsN8n }));
	return jest.requireActual<typeof N8nLog>('../../credentials/n8nLog');
}

afterEach(() => jest.resetModules().dontMock('../../credentials/n8nModules'));

/** The copy that the package itself finds. */
const ownLog = (): unknown =>
	jest.requireActual<{ LoggerProxy: unknown }>('n8n-workflow').LoggerProxy;

it('is the log of the n8n-workflow that n8n itself uses', () => {
	const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
	const { n8nLog } = jest.requireActual<typeof N8nLog>('../../credentials/n8nLog');
	expect(n8nLog()).toBe(ownLog());
	expect(warn).not.toHaveBeenCalled();
});

it('is n8n’s also beside a second n8n-workflow, and stderr says how to remove that', () => {
	const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
	const { n8nLog } = load(() => ({ LoggerProxy: LOG }));
	expect(n8nLog()).toBe(LOG);
	expect(warn).toHaveBeenCalledWith(expect.stringContaining('npm uninstall n8n-workflow'), {
		type: 'VaultedOAuth2Warning',
		code: 'SECOND_N8N_WORKFLOW',
	});
});

it('is this package’s own outside n8n', () => {
	const { n8nLog } = load(() => {
		throw new Error('Cannot find module');
	});
	expect(n8nLog()).toBe(ownLog());
});
