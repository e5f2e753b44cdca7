import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import t from 'tap';
import { documentPath } from '../../../src/core/platform/document-path.ts';

t.test('names a document of this package by its absolute path, with its anchor', async (t) => {
  const path = documentPath('troubleshooting.md#dns-elsewhere');
  t.ok(isAbsolute(path));
  const [file = '', anchor = ''] = path.split('#');
  t.match(readFileSync(file, 'utf8'), new RegExp(`^### ${anchor}$`, 'm'));
});

t.test('names the folder of the documents', async (t) => {
  t.ok(existsSync(documentPath('')));
  t.match(documentPath(''), /\/docs\/$/);
});
