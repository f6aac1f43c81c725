import { Redactor } from '../../src/redact';
import { fileNameOf } from '../../nodes/VaultedOAuth2/actions/apiRequest/fileName';

const NOTHING = new Redactor([]);
const URL_ = new URL('https://api.example.com/files/report.pdf?sig=secret');

test.each([
	['attachment; filename="a b.pdf"', 'a b.pdf'],
	['attachment; filename=a.pdf; size=3', 'a.pdf'],
	['attachment; filename="say \\"hi\\".txt"', 'say "hi".txt'],
	['attachment; filename="x.txt"; filename*=UTF-8\'\'%C3%A4%20%E2%9C%93.txt', 'ä ✓.txt'],
	["attachment; filename*=utf-8''broken%ZZ.txt", 'broken%ZZ.txt'],
	["attachment; filename*=iso-8859-1''%E4.txt; filename=plain.txt", 'plain.txt'],
	['attachment; filename="../../etc/passwd"', 'passwd'],
	['attachment; filename="..\\\\..\\\\boot.ini"', 'boot.ini'],
	["attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", 'passwd'],
	['attachment; filename=""', 'report.pdf'],
	['inline', 'report.pdf'],
	[undefined, 'report.pdf'],
])('a file with the Content-Disposition %p is called %s', (contentDisposition, expected) => {
	expect(fileNameOf(contentDisposition, URL_, NOTHING)).toBe(expected);
});

test.each(['https://api.example.com', 'https://api.example.com/files/'])(
	'%s names no file',
	(url) => {
		expect(fileNameOf(undefined, new URL(url), NOTHING)).toBeUndefined();
	},
);
