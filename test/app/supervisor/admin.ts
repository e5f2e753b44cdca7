import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startSupervisor } from '../../../src/app/supervisor/supervisor.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

t.test(
  'an admin port that other machines reach asks for its token, and for the new one after a reload',
  async (t) => {
    const folder = tempDir(t);
    const tokenFile = join(folder, 'token');
    const write = (token: string): void => writeFileSync(tokenFile, token, { mode: 0o600 });
    write('first-token-of-this-test');
    const settings = localSettings(t);
    const everywhere = { ...settings, listen: { ...settings.listen, admin: { host: '0.0.0.0', port: 0 } } };
    await t.rejects(startSupervisor({ settings: everywhere, logLevel: 'silent' }), {
      code: 'ERR_CONFIG_INVALID',
      message: /^admin socket is open on "0\.0\.0\.0:\d+"/,
    });
    const guarded: Settings = { ...everywhere, admin: { tokenFile } };
    const supervisor = await startSupervisor({ settings: guarded, logLevel: 'silent' });
    t.teardown(() => supervisor.stop(0));
    const url = `http://127.0.0.1:${supervisor.addresses.admin.port}/api/status`;
    const show = async (token: string): Promise<number> =>
      (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).status;
    t.strictSame(
      [await show('first-token-of-this-test'), await show('second-token-of-this-test')],
      [200, 401],
    );
    write('second-token-of-this-test');
    t.equal(await show('second-token-of-this-test'), 200, 'who asks for the reload has the new one already');
    t.match(await supervisor.reload(async () => guarded), { change: {} });
    t.strictSame(
      [await show('first-token-of-this-test'), await show('second-token-of-this-test')],
      [401, 200],
    );
    t.match(await supervisor.reload(async () => everywhere), { error: { code: 'ERR_CONFIG_INVALID' } });
    t.equal(await show('second-token-of-this-test'), 200, 'refused: all stays as it was');
    t.equal((await fetch(url)).status, 401);
  },
);
