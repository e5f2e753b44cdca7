import { readFileSync } from 'node:fs';
import t from 'tap';
import { packageVersion } from '../../../src/core/platform/version.ts';

const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
t.equal(packageVersion(), manifest.version);
