import { parseFlatted } from '../../demo/harness/flatted';

describe("n8n's format for execution data", () => {
	it('puts objects, lists and strings back where their indexes stand', () => {
		const text = '[{"list":"1","none":null,"number":7},["2","3",true],"text",{"name":"2"}]';
		expect(parseFlatted(text)).toEqual({
			list: ['text', { name: 'text' }, true],
			none: null,
			number: 7,
		});
	});

	it('follows circles', () => {
		const root = parseFlatted('[{"self":"0"}]') as { self: unknown };
		expect(root.self).toBe(root);
	});
});
