import {
	htmlText,
	parseSelectors,
	selectHtml,
} from '../../nodes/VaultedOAuth2/actions/apiRequest/html';

const select = (html: string, selectors: string): string[] =>
	selectHtml(html, parseSelectors(selectors)!);

describe('the text of a page', () => {
	test.each([
		['<p>one <b>two</b></p><p>three', 'one two\nthree'],
		['<ul><li>a<li>b</ul>c', 'a\nb\nc'],
		['a<br>b<hr/>c', 'a\nb\nc'],
		['<p>  many \n spaces </p>', 'many spaces'],
		[
			'&lt;p&gt; &amp;amp; &#65;&#x42; &nbsp;x &unknown; &#x110000;',
			'<p> &amp; AB x &unknown; &#x110000;',
		],
		['<script>if (a < b) alert("<p>no</p>")</script>yes', 'yes'],
		['<style>p { color: red }</style><head><title>no</title></head>yes', 'yes'],
		['<!-- <p>no</p> --><!doctype html><?xml?>yes', 'yes'],
		['<a title="1 > 0">yes</a>', 'yes'],
		['1 < 2 and 3 <4', '1 < 2 and 3 <4'],
		['</p></div>yes<div', 'yes'],
		['İİİ<SCRIPT>no</Script>yes', 'İİİ\nyes'],
		['', ''],
	])('%s', (html, text) => {
		expect(htmlText(html)).toBe(text);
	});

	test('is without what is left out, with all that is in it', () => {
		const html = '<div class="a x"><p>no</p></div><img id=i><p id="i">no</p><p>yes</p>';
		expect(htmlText(html, parseSelectors('.x, #i'))).toBe('yes');
	});
});

describe('the elements that are selected', () => {
	const PAGE =
		'<body><div class="note big" id=first>1<div class="note">2</div></div><p class=\'note\'>3</body>';

	test.each([
		['div', ['1<div class="note">2</div>']],
		['.note', ['1<div class="note">2</div>', '3']],
		['.note.big', ['1<div class="note">2</div>']],
		['p.note, #first', ['1<div class="note">2</div>', '3']],
		['DIV#first', ['1<div class="note">2</div>']],
		['#second', []],
		['*', [PAGE.slice('<body>'.length, -'</body>'.length)]],
	])('by %s', (selectors, found) => {
		expect(select(PAGE, selectors)).toEqual(found);
	});

	test.each(['div p', 'div > p', 'a:hover', '[href]', '.', 'a..b'])(
		'%s is no selector that is known',
		(selectors) => {
			expect(parseSelectors(selectors)).toBeUndefined();
		},
	);
});

test.each([
	['tags that are never closed', '<div>'],
	['ends of tags that are not open', '<b></div>'],
	['scripts without an end', '<script>'],
	['comments without an end', '<!--'],
	['quotes without an end', '<a href="'],
	['brackets', '<'],
	['attributes', '<a class='],
])('%s take time in proportion to the page', (_what, piece) => {
	const time = (count: number): number => {
		const html = piece.repeat(count);
		const start = performance.now();
		htmlText(html, parseSelectors('.x'));
		select(html, '.x');
		return performance.now() - start;
	};
	time(1_000);
	expect(time(20_000)).toBeLessThan(2_000);
});
