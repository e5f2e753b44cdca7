import { readFileSync } from 'node:fs';
import t from 'tap';
import { packageVersion } from '../../src/cli/version.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
t.equal(packageVersion(), version);
t.match(version, /^\d+\.\d+\.\d+/);
