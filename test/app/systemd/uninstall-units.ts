// Units are stopped before they are removed, and nothing else is touched. systemd does not run on a test machine: a function stands in
// for `systemctl`, and the real one enables the units in a folder of its own.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { installUnits } from '../../../src/app/systemd/install-units.ts';
import { uninstallUnits } from '../../../src/app/systemd/uninstall-units.ts';
import { PACKAGED, UNIT_NAMES, systemdUnits } from '../../../src/app/systemd/units.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const installed = async (t: Test, sockets = true): Promise<string> => {
  const dir = tempDir(t);
  await installUnits(dir, systemdUnits({ ...PACKAGED, sockets }));
  return dir;
};

t.test('stops and disables, removes, and makes systemd read its units again, in this order', async (t) => {
  const dir = await installed(t);
  const done: string[] = [];
  const systemctl = async (words: readonly string[]): Promise<void> => {
    done.push(`${words.join(' ')}: ${readdirSync(dir).length} units`);
  };
  const { removed, foreign } = await uninstallUnits({ dir, systemctl });
  t.strictSame(done, [`disable --now ${UNIT_NAMES.join(' ')}: 4 units`, 'daemon-reload: 0 units']);
  t.strictSame(
    removed,
    UNIT_NAMES.map((name) => join(dir, name)),
  );
  t.strictSame(foreign, []);
});

t.test('what linkgate did not write stays: units of somebody else, changes of the person', async (t) => {
  const dir = await installed(t);
  const foreign = join(dir, 'linkgate-admin.socket');
  writeFileSync(foreign, '[Socket]\n');
  writeFileSync(join(dir, 'other.service'), '[Unit]\n');
  mkdirSync(join(dir, 'linkgate.service.d'));
  writeFileSync(join(dir, 'linkgate.service.d', 'override.conf'), '[Service]\n');
  let asked: readonly string[] = [];
  const systemctl = async (words: readonly string[]): Promise<void> => {
    if (words[0] === 'disable') asked = words;
  };
  t.strictSame((await uninstallUnits({ dir, systemctl })).foreign, [foreign]);
  t.notOk(asked.includes('linkgate-admin.socket'), 'it is not stopped either');
  t.strictSame(readdirSync(dir).toSorted(), ['linkgate-admin.socket', 'linkgate.service.d', 'other.service']);
  t.ok(existsSync(join(dir, 'linkgate.service.d', 'override.conf')));
});

t.test('an installation without sockets is the service alone', async (t) => {
  const dir = await installed(t, false);
  t.strictSame((await uninstallUnits({ dir })).removed, [join(dir, 'linkgate.service')]);
  t.strictSame(readdirSync(dir), []);
});

t.test('nothing there, or only units of somebody else: refused, and nothing is stopped', async (t) => {
  const systemctl = (): Promise<void> => Promise.reject(new Error('asked'));
  const dir = tempDir(t);
  for (const place of [dir, join(dir, 'absent')])
    await t.rejects(uninstallUnits({ dir: place, systemctl }), {
      code: 'ERR_SYSTEMD_ABSENT',
      message: `folder "${place}" holds no unit that linkgate wrote`,
    });
  writeFileSync(join(dir, 'linkgate.service'), '[Unit]\n');
  await t.rejects(uninstallUnits({ dir, systemctl }), { code: 'ERR_SYSTEMD_ABSENT' });
  t.strictSame(readdirSync(dir), ['linkgate.service']);
});

t.test('when systemctl refuses, every unit stays', async (t) => {
  const dir = await installed(t);
  const refusal = new LinkgateError('ERR_SYSTEMD_REFUSED', 'systemctl disable: access denied');
  await t.rejects(uninstallUnits({ dir, systemctl: () => Promise.reject(refusal) }), refusal);
  t.strictSame(readdirSync(dir).toSorted(), UNIT_NAMES.toSorted());
});

t.test('the links of enabled units go with them', { skip: needs('systemctl') }, async (t) => {
  const root = tempDir(t);
  const dir = join(root, 'etc', 'systemd', 'system');
  mkdirSync(dir, { recursive: true });
  await installUnits(dir, systemdUnits(PACKAGED));
  const enabled = spawnSync('systemctl', [`--root=${root}`, 'enable', ...UNIT_NAMES], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  t.equal(enabled.status, 0, enabled.stderr);
  const names = (): readonly string[] =>
    readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('linkgate'));
  t.equal(names().length, 8, 'four units, four links');
  await uninstallUnits({ dir });
  t.strictSame(names(), []);
});
