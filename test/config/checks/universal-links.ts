import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readUniversalLink, type UniversalLinkKind } from '../../../src/config/checks/universal-links.ts';
import { SAMPLE_ANDROID_LINKS } from '../../helpers/config-files.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const APPLE = JSON.stringify({
  applinks: { details: [{ appIDs: ['ABCDE12345.com.acme.app'], components: [{ '/': '/e/c/*' }] }] },
  webcredentials: { apps: [] },
});

t.test('good files are passed on as they are', async (t) => {
  const folder = tempDir(t);
  for (const [kind, text] of [
    ['apple', APPLE],
    ['apple', '{"applinks":{"details":[{"appID":"ABCDE12345.a","paths":["*"]}]}}\n'],
    ['android', SAMPLE_ANDROID_LINKS],
    ['android', '[{"relation":["x"],"target":{"namespace":"web","site":"https://acme.com"}}]'],
  ] as const) {
    const path = join(folder, 'file.json');
    writeFileSync(path, text);
    t.strictSame(await readUniversalLink(kind, path), { text });
  }
});

t.test('a mistake is named by its key', async (t) => {
  const path = join(tempDir(t), 'file.json');
  const problem = async (kind: UniversalLinkKind, text: string): Promise<string> => {
    writeFileSync(path, text);
    const read = await readUniversalLink(kind, path);
    return 'problem' in read ? read.problem.replace(JSON.stringify(path), 'FILE') : '';
  };
  t.match(await problem('apple', '{'), /^FILE is not JSON: /);
  t.equal(await problem('apple', '[]'), 'FILE: the whole must be an object, not a list');
  t.equal(await problem('apple', '{}'), 'FILE: applinks is missing');
  t.equal(await problem('apple', '{"applinks":{"details":[]}}'), 'FILE: applinks.details is an empty list');
  t.match(
    await problem('apple', APPLE.replace('ABCDE12345.', 'abc.')),
    /^FILE: applinks\.details\[0\]\.appIDs\[0\] must be TEAMID\.bundle/,
  );
  t.equal(
    await problem('apple', APPLE.replace('appIDs', 'appIds')),
    'FILE: applinks.details[0] has no appIDs',
  );
  t.equal(
    await problem('apple', APPLE.replace('components', 'component')),
    'FILE: applinks.details[0] has neither components nor paths',
  );
  t.equal(await problem('android', '{}'), 'FILE: the whole must be a list, not a mapping');
  t.match(
    await problem('android', SAMPLE_ANDROID_LINKS.replace('AB:AB', 'AB:A')),
    /^FILE: \[0\]\.target\["sha256_cert_fingerprints"\]\[0\] must be a SHA-256 fingerprint/,
  );
  t.match(
    await problem('android', SAMPLE_ANDROID_LINKS.replace('android_app', 'ios')),
    /namespace android_app or web/,
  );
  t.match(await problem('apple', ' '.repeat(200_000)), /is larger than 131072 bytes/);
  const gone = await readUniversalLink('apple', `${path}.gone`);
  t.match(gone, { problem: /does not exist/ });
});
