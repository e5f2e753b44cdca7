import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { installUnits } from '../../../src/app/systemd/install-units.ts';
import { WRITTEN_BY } from '../../../src/app/systemd/units.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const unit = (name: string, words: string) => ({ name, text: `${WRITTEN_BY}\n${words}\n` });

t.test(
  'units are written, kept when they are the same, and overwritten when linkgate wrote them',
  async (t) => {
    const dir = tempDir(t);
    const units = [unit('a.service', 'one'), unit('a.socket', 'two')];
    const outcomes = async (list = units) => (await installUnits(dir, list)).map(({ outcome }) => outcome);
    t.strictSame(await outcomes(), ['written', 'written']);
    t.equal(readFileSync(join(dir, 'a.socket'), 'utf8'), units[1]?.text);
    t.equal(statSync(join(dir, 'a.socket')).mode & 0o777, 0o644);
    t.strictSame(await outcomes(), ['unchanged', 'unchanged']);
    t.strictSame(await outcomes([unit('a.service', 'new')]), ['written']);
    t.match(readFileSync(join(dir, 'a.service'), 'utf8'), /\nnew\n$/);
  },
);

t.test('a unit that linkgate did not write stays', async (t) => {
  const dir = tempDir(t);
  const path = join(dir, 'a.service');
  writeFileSync(path, '[Unit]\n');
  await t.rejects(installUnits(dir, [unit('a.service', 'one')]), {
    code: 'ERR_SYSTEMD_UNWRITABLE',
    message: `unit "${path}" is not one that linkgate wrote: move it away`,
  });
  t.equal(readFileSync(path, 'utf8'), '[Unit]\n');
});

t.test('a folder that does not exist, a folder in place of a file', async (t) => {
  const dir = tempDir(t);
  await t.rejects(installUnits(join(dir, 'absent'), [unit('a.service', 'one')]), {
    code: 'ERR_SYSTEMD_UNWRITABLE',
    message: /cannot be written \(ENOENT\)$/,
  });
  mkdirSync(join(dir, 'a.service'));
  await t.rejects(installUnits(dir, [unit('a.service', 'one')]), {
    message: /cannot be written \(EISDIR\)$/,
  });
});
