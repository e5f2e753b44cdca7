// `linkgate reload`: the running proxy reads its configuration again. It sends a signal, so that the kernel decides who may
// do this. It asks the admin port only for the process to signal, and for the result.

import { readFile } from 'node:fs/promises';
import { askStatus, type RunningStatus } from '../../app/admin/ask-status.ts';
import { loadSettings } from '../../config/load.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { ERRORS, LinkgateError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';
import { configPath } from '../arguments/config-path.ts';

const OUTCOME_LIMIT_MS = 60_000;
const ASK_EVERY_MS = 100;

/** A port may be forwarded from another machine or a container. The process with that number here is then another program. */
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
    throw new LinkgateError(
      'ERR_RELOAD_DENIED',
      `proxy with process id "${pid}" takes no signal from this user`,
      {
        cause,
      },
    );
  }
};

type Outcome = NonNullable<RunningStatus['reload']>;

const reloadOnce = async (
  { listen, admin }: Settings,
  over: AbortSignal,
): Promise<{ readonly outcome: Outcome; readonly domains: number }> => {
  const before = await askStatus(listen.admin, over, admin);
  await signal(before.pid);
  for (;;) {
    const { reload, domains } = await askStatus(listen.admin, over, admin);
    if (reload !== null && reload.number > (before.reload?.number ?? 0)) {
      return { outcome: reload, domains: domains.length };
    }
    await systemClock.sleep(ASK_EVERY_MS, over);
    over.throwIfAborted();
  }
};

/**
 * @returns 0 when the proxy uses the new settings, 78 when it found something wrong with them
 * @throws LinkgateError `ERR_CONFIG_*` before any signal is sent, `ERR_ADMIN_UNREACHABLE`, `ERR_RELOAD_DENIED`
 */
export const reloadCommand = async ({ config }: { readonly config?: string }): Promise<number> => {
  const settings = await loadSettings(configPath({ config }));
  const late = (): Error =>
    new LinkgateError('ERR_ADMIN_UNREACHABLE', 'proxy did not say in time how the reload went');
  const limit = { clock: systemClock, limitMs: OUTCOME_LIMIT_MS, late };
  const { outcome, domains } = await withDeadline(limit, (over) => reloadOnce(settings, over));
  if (outcome.problem !== null) {
    process.stderr.write(`linkgate: ${outcome.problem}\nthe old settings stay\n`);
    return ERRORS.ERR_CONFIG_INVALID.exit;
  }
  process.stdout.write(`reloaded: ${domains} ${domains === 1 ? 'domain' : 'domains'}\n`);
  for (const key of outcome.atRestart) {
    process.stdout.write(`${key} changed: it takes effect when the proxy is started again\n`);
  }
  return 0;
};
