import { Instance } from './support/instance';
import { Scene } from './support/scene';
import type { StoreKind } from './support/stores';
import { savingStories } from './stories/saving';

let instance: Instance;

// The first time n8n has to be installed and built.
beforeAll(async () => (instance = await Instance.start()), 600_000);
afterAll(async () => await instance.close());

describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('with the store %s', (kind) => {
	let scene: Scene;
	const current = () => scene;

	beforeAll(async () => (scene = await Scene.start(instance, kind)));
	afterAll(async () => await scene.close());

	describe('saving', () => savingStories(current));
});
