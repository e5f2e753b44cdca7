// `linkgate reload`: the running proxy reads its configuration again. By a signal, so that the kernel decides who may; the admin
// port is asked only whom to signal and how it went.

import { readFile } from 'node:fs/promises';
import { askStatus } from '../../app/admin/ask-status.ts';
import { loadSettings } from '../../config/load.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { ERRORS, LinkgateError } from '../../core/errors.ts';
import { configPath } from '../arguments/config-path.ts';

const ANSWER_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** A port may be forwarded from another machine or a container: the number would then be somebody else's process here. */
const isProxy = async (pid: number): Promise<boolean> => {
  if (process.platform !== 'linux') return true;
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return words.split('\0').some((word) => /(^|\/)linkgate$|\/cli\/main\.js$/.test(word));
};

const signal = async (pid: number): Promise<void> => {
  if (!(await isProxy(pid))) {
    throw new LinkgateError('ERR_RELOAD_DENIED', `proxy with process id "${pid}" runs on another machine`);
  }
  try {
    process.kill(pid, 'SIGHUP');
  } catch (cause) {
    throw new LinkgateError('ERR_RELOAD_DENIED', `proxy with process id "${pid}" cannot be signalled`, {
      cause,
    });
  }
};

/**
 * @returns 0 when the settings were taken up, 78 when the proxy found something wrong with them
 * @throws LinkgateError `ERR_CONFIG_*` before anything is signalled, `ERR_ADMIN_UNREACHABLE`, `ERR_RELOAD_DENIED`
 */
export const reloadCommand = async ({ config }: { readonly config?: string }): Promise<number> => {
  const { listen, admin } = await loadSettings(configPath({ config }));
  const over = AbortSignal.timeout(ANSWER_LIMIT_MS);
  const before = await askStatus(listen.admin, over, admin);
  await signal(before.pid);
  for (;;) {
    const { reload, domains } = await askStatus(listen.admin, over, admin);
    if (reload !== null && reload.number > (before.reload?.number ?? 0)) {
      if (reload.problem !== null) {
        process.stderr.write(`linkgate: ${reload.problem}\nthe old settings stay\n`);
        return ERRORS.ERR_CONFIG_INVALID.exit;
      }
      process.stdout.write(`reloaded: ${domains.length} ${domains.length === 1 ? 'domain' : 'domains'}\n`);
      for (const key of reload.atRestart) {
        process.stdout.write(`${key} changed: it takes effect when the proxy is started again\n`);
      }
      return 0;
    }
    await systemClock.sleep(LOOK_EVERY_MS, over);
  }
};
