import t from 'tap';
import { isReadBySystemd, systemctl } from '../../../src/app/systemd/systemctl.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

t.test('a folder of a person is not one that systemd reads', async (t) => {
  t.equal(isReadBySystemd(tempDir(t)), false);
});

t.test('what systemctl refuses is an error with its first line', { skip: needs('systemctl') }, async (t) => {
  await systemctl(['--version']);
  await t.rejects(systemctl(['no-such-verb']), {
    code: 'ERR_SYSTEMD_REFUSED',
    message: /^systemctl no-such-verb: [^\n]*no-such-verb[^\n]*$/,
  });
});
