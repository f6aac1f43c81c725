import { accountChangeStories } from './stories/accountChanges';
import { agentStories } from './stories/agents';
import { callingStories } from './stories/calling';
import { connectingStories } from './stories/connecting';
import { domainStories } from './stories/domains';
import { editingStories } from './stories/editing';
import { editorStories } from './stories/editors';
import { formStories } from './stories/form';
import { forgingStories, hostIdentityStories } from './stories/forging';
import { leakStories } from './stories/leaks';
import { openFormStories } from './stories/openForm';
import { pointerStories } from './stories/pointers';
import { savingStories } from './stories/saving';
import { usingStories } from './stories/using';
import { Editor } from './support/editor';
import { Instance, RUN } from './support/instance';
import { Scene } from './support/scene';
import type { StoreKind } from './support/stores';

/** Other versions have other pages. */
const hasKnownEditor = RUN.n8nVersion === undefined;

let instance: Instance;

// The first time n8n has to be installed and built.
beforeAll(async () => (instance = await Instance.start()), 600_000);
afterAll(async () => await instance.close());

describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('with the store %s', (kind) => {
	let scene: Scene;
	const current = () => scene;

	beforeAll(async () => (scene = await Scene.start(instance, kind)));
	afterEach(async () => await scene.discard());
	afterAll(async () => await scene.close());

	describe('saving', () => savingStories(current));
	describe('editing', () => editingStories(current));
	describe('forging', () => {
		forgingStories(current);
		if (kind === 'awsSecretsManager') hostIdentityStories(current);
	});
	describe('calling', () => callingStories(current));
	if (kind === 'localVault') {
		describe('using', () => usingStories(current));
		describe('allowed domains', () => domainStories(current));
		describe('account changes', () => accountChangeStories(current));
		describe('pointers', () => pointerStories(current));
		describe('agents', () => agentStories(current));
	} else {
		describe('editors', () => editorStories(current));
	}
	describe('the editor', () => {
		let editor: Editor;
		beforeAll(async () => (editor = await Editor.open(instance)));
		afterAll(async () => await editor.close());

		if (hasKnownEditor) {
			formStories(current, () => editor);
			if (kind === 'localVault')
				describe('open form', () => openFormStories(current, () => editor));
		}
		describe('connecting', () => connectingStories(current, () => editor, hasKnownEditor));
	});

	// After everything else, since it looks through all of that.
	describe('leaks', () => leakStories(current));
});
