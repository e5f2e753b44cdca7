// Runs systemctl on this machine, where systemd runs. It decides nothing about units.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LinkgateError } from '../../core/errors.ts';

/** Folders that the systemd of the whole machine reads units from (systemd.unit(5)). */
const READ_BY_SYSTEMD = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];

/** sd_booted(3) */
const isBooted = (): boolean => existsSync('/run/systemd/system');

/** Whether units in this folder are those of the systemd that runs here. */
export const isReadBySystemd = (dir: string): boolean => isBooted() && READ_BY_SYSTEMD.includes(resolve(dir));

/** A stop waits until requests in flight are finished. */
const LIMIT_MS = 15 * 60_000;

/** @throws LinkgateError `ERR_SYSTEMD_REFUSED`, with the first line that systemctl wrote */
export const systemctl = (words: readonly string[]): Promise<void> =>
  new Promise((done, fail) => {
    execFile('systemctl', words, { timeout: LIMIT_MS }, (cause, _stdout, stderr) => {
      if (cause === null) return done();
      const said = stderr.trim().split('\n', 1)[0] || cause.message.split('\n', 1)[0];
      return fail(
        new LinkgateError('ERR_SYSTEMD_REFUSED', `systemctl ${words.join(' ')}: ${said}`, { cause }),
      );
    });
  });
