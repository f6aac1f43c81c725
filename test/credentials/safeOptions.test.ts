import { safeOptions, type RequestOptions } from '../../credentials/safeOptions';

const TARGET = new URL('https://api.example.com/v1/items');
const OWN = { headers: ['authorization', 'dpop'], parameter: undefined };
const safe = (options: object) => safeOptions(options as RequestOptions, TARGET, OWN);

it.each(
	Object.entries({
		method: 'PATCH',
		qs: { a: 1 },
		qsStringifyOptions: { arrayFormat: 'repeat' },
		useQuerystring: true,
		arrayFormat: 'brackets',
		body: 'text',
		form: { a: 1 },
		formData: { a: 1 },
		json: true,
		gzip: true,
		encoding: 'arraybuffer',
		useStream: true,
		timeout: 5000,
		abortSignal: AbortSignal.timeout(1),
		simple: false,
		ignoreHttpStatusErrors: true,
		resolveWithFullResponse: true,
		returnFullResponse: true,
		followRedirect: false,
		followAllRedirects: true,
		maxRedirects: 3,
		disableFollowRedirect: true,
		allowedDomains: 'api.example.com',
	}),
)('%s is passed on', (name, value) => {
	expect(safe({ [name]: value })).toHaveProperty([name], value);
});

it.each([
	'auth',
	'baseURL',
	'beforeRedirect',
	'ca',
	'httpAgent',
	'httpsAgent',
	'lookup',
	'socketPath',
	'transport',
	'unheardOf',
])('%s is left out', (name) => {
	expect(safe({ [name]: 'x' })).not.toHaveProperty([name]);
});

it.each(['cert', 'key', 'passphrase'])('%s of a client’s own certificate is passed on', (name) => {
	const { agentOptions } = safe({ agentOptions: { [name]: 'pem', servername: 'evil.test' } });
	expect(agentOptions).toEqual({ [name]: 'pem' });
});

it('names the target by both of n8n’s names for it, whatever was asked for', () => {
	expect(safe({ uri: 'https://other.example.com' })).toMatchObject({
		uri: TARGET.href,
		url: TARGET.href,
	});
	expect(safe({ url: '/v1/items' })).not.toHaveProperty('uri');
});

it('lets n8n’s client send credentials to no other origin', () => {
	expect(safe({ sendCredentialsOnCrossOriginRedirect: true })).toMatchObject({
		sendCredentialsOnCrossOriginRedirect: false,
	});
});

it('checks certificates, and says so if it was asked', () => {
	expect(safe({})).not.toHaveProperty('rejectUnauthorized');
	expect(safe({ rejectUnauthorized: true })).toMatchObject({ rejectUnauthorized: true });
});

it.each([
	['Ignore SSL Issues (Insecure)', { rejectUnauthorized: false }],
	['Ignore SSL Issues (Insecure)', { skipSslCertificateValidation: true }],
	['Ignore SSL Issues (Insecure)', { agentOptions: { rejectUnauthorized: false } }],
	['SSL Certificates', { agentOptions: { ca: 'pem' } }],
	['Headers', { headers: { Host: 'evil.test' } }],
	['Headers', { headers: { ' hOsT ': 'evil.test' } }],
	['Headers', { headers: { host: ['api.example.com', 'evil.test'] } }],
	['Headers', { headers: { common: { host: 'evil.test' } } }],
	['Headers', { headers: { 'x-list': ['a', { b: 1 }] } }],
	['Method', { method: 'TRACE' }],
	['Method', { method: 'track' }],
	['Method', { method: 'Connect' }],
])('%s is refused: %j', (field, options) => {
	expect(() => safe(options)).toThrow(
		expect.objectContaining({ code: 'OPTION_NOT_ALLOWED', field }) as Error,
	);
});

it('passes headers on as texts, without empty ones and without another Authorization', () => {
	const { headers } = safe({
		headers: {
			'X-Number': 1,
			'X-Flag': true,
			'X-List': ['a', 2],
			'X-None': undefined,
			'X-Null': null,
			Authorization: 'Basic x',
			' AUTHORIZATION ': 'Basic x',
			Host: 'api.example.com',
		},
	});
	expect(headers).toEqual({ 'X-Number': '1', 'X-Flag': 'true', 'X-List': ['a', '2'] });
});

it('lets a proxy pass on what it cannot read, and nothing else', () => {
	const proxy = { host: 'proxy.example.com', port: 3128 };
	expect(safe({ proxy })).toMatchObject({ proxy });
	const plain = new URL('http://127.0.0.1/');
	expect(() => safeOptions({ proxy } as RequestOptions, plain, OWN)).toThrow(
		expect.objectContaining({ field: 'Proxy' }) as Error,
	);
	expect(safeOptions({ proxy: '' } as unknown as RequestOptions, plain, OWN)).not.toHaveProperty(
		'proxy',
	);
});
