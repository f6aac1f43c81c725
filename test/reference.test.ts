import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { VaultedOAuth2Api } from '../credentials/VaultedOAuth2Api.credentials';
import { VaultedOAuth2 } from '../nodes/VaultedOAuth2/VaultedOAuth2.node';
import { VaultedOAuth2Trigger } from '../nodes/VaultedOAuth2Trigger/VaultedOAuth2Trigger.node';
import { referenceTable } from './support/reference';

const FILE = join(__dirname, '..', 'docs', 'fields.md');

const FORMS = [
	['The credential', new VaultedOAuth2Api().properties],
	['Vaulted OAuth2', new VaultedOAuth2().description.properties],
	['Vaulted OAuth2 Trigger', new VaultedOAuth2Trigger().description.properties],
] as const;

it.each(FORMS)('docs/fields.md lists what the form has: %s', (title, properties) => {
	const before = readFileSync(FILE, 'utf8');
	const section = new RegExp(`(## ${title}\\n\\n)(?:\\|.*\\n)*`);
	const table = referenceTable(properties);
	// `WRITE_DOCS=1 npm run test:unit -- test/reference` after a form was changed on purpose.
	if (process.env['WRITE_DOCS'] === '1')
		writeFileSync(
			FILE,
			before.replace(section, (_, head: string) => `${head}${table}\n`),
		);
	const [written = ''] = section.exec(readFileSync(FILE, 'utf8')) ?? [];
	expect(written.trim().split('\n')).toEqual([`## ${title}`, '', ...table.split('\n')]);
});
