import { Rig } from './rig';
test('x', async () => {
	console.log('0');
	const rig = await Rig.start();
	console.log('1');
	const r = await fetch(rig.recorder.url + '/v1');
	console.log('2', r.status);
	const c = await rig.saved({ apiBaseUrl: `${rig.recorder.url}/v1` });
	console.log('3', c);
	await rig.close();
}, 8000);
