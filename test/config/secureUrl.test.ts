import { parseForm } from '../../src/config/parseForm';
import { isSecureUrl } from '../../src/config/secureUrl';
import { form } from './fixtures';

test.each([
	'https://idp.example.com',
	'HTTPS://IDP.example.com:8443/a/../token?x=1',
	'https://idp.example.com./token',
	'https://under_score.example.com/',
	'https://bücher.example/',
	'https://xn--bcher-kva.example/',
	'https://203.0.113.1/',
	'https://[2001:db8::1]:8443/',
	'http://localhost:8080/token',
	'http://LOCALHOST/',
	'http://idp.localhost/',
	'http://127.0.0.1:1/x',
	'http://127.255.255.254/',
	'http://127.1/',
	'http://2130706433/',
	'http://0x7f.0.0.1/',
	'http://0177.0.0.1/',
	'http://[::1]:2/',
	'http://[0:0:0:0:0:0:0:1]/',
])('%s is secure', (address) => {
	expect(isSecureUrl(address)).toBe(true);
});

test.each([
	// Plain http to another machine, whatever its name looks like.
	'http://idp.example.com/',
	'http://evil-localhost/',
	'http://evillocalhost/',
	'http://localhost.evil.example/',
	'http://localhost./',
	'http://.localhost/',
	'http://127.0.0.1.evil.example/',
	'http://127.0.0.1.evil/',
	'http://128.0.0.1/',
	'http://1270.0.0.1.example/',
	'http://2130706433.example/',
	'http://0.0.0.0/',
	'http://[::]/',
	'http://[::2]/',
	'http://[::1:2]/',
	'http://[2001:db8::1]/',
	'http://[::ffff:127.0.0.1]/',
	'http://10.0.0.1/',
	'http://169.254.169.254/',
	'http://ｌocalhost.evil.example/',
	// Not one host.
	'https://*.example.com',
	'https://*',
	'https://a*.example.com/',
	'https://a..example.com/',
	'https://.example.com/',
	'https://idp.example.com,evil.example/',
	'https://idp.example.com;evil.example/',
	"https://idp.example.com'/",
	'https://{tenantId}.example.com/',
	'https://$HOST/',
	// Something else besides a host.
	'https://user@idp.example.com/',
	'https://user:password@idp.example.com/',
	'https://:password@idp.example.com/',
	'https://idp.example.com@evil.example/',
	'https://idp.example.com/#fragment',
	// Other schemes, also those with the origin of a web address.
	'blob:https://idp.example.com/x',
	'filesystem:https://idp.example.com/x',
	'view-source:https://idp.example.com/',
	'ftp://localhost/',
	'ws://localhost/',
	'wss://idp.example.com/',
	'file:///etc/passwd',
	'data:text/plain,x',
	'javascript:alert(1)',
	// What parsers make an address of, each in its way.
	'https:idp.example.com',
	'https:/idp.example.com',
	'https:///idp.example.com',
	'https:\\\\idp.example.com',
	'https://idp.example.com\\@evil.example/',
	'//idp.example.com/',
	'idp.example.com',
	' https://idp.example.com/',
	'https://idp.example.com/ ',
	'https://idp.example.com/a b',
	'https://idp.exam\tple.com/',
	'https://idp.example.com/\n',
	'\u0000https://idp.example.com/',
	'https://idp.example.com/\u007f',
	'https://',
	'https://?',
	'https://#',
	'http://[::1',
	`https://${'A.example.com'.repeat(3000)}/`,
	'',
])('%j is not', (address) => {
	expect(isSecureUrl(address)).toBe(false);
});

test.each(['https://*.example.com', 'https://a..example.com', 'blob:https://a.example.com'])(
	'%s is no origin that may receive the token',
	async (origin) => {
		await expect(parseForm(form({ additionalApiOrigins: origin }))).rejects.toMatchObject({
			field: 'Additional API Origins',
			code: 'INVALID_FIELD',
		});
	},
);
