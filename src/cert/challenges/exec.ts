// TXT records by a program of the user's: `PROGRAM ARGS… present NAME VALUE` and `… cleanup NAME VALUE`. There is no shell
// between, and no program lives longer than its time limit. Does not decide which record.

import { spawn } from 'node:child_process';
import { LinkgateError } from '../../core/errors.ts';
import type { ExecDnsSettings } from '../../core/settings.ts';
import type { DnsProvider, TxtRecord } from './dns-provider.ts';

const MOST_STDERR_BYTES = 8 * 1024;
const LONGEST_DETAIL_CHARS = 200;

/** The last line of a program's stderr, for the error; of limited length. */
const lastLine = (text: string): string =>
  (text.trim().split('\n').at(-1) ?? '').replaceAll(/\p{Cc}+/gu, ' ').slice(0, LONGEST_DETAIL_CHARS);

export const createExecProvider = ({ settings }: { readonly settings: ExecDnsSettings }): DnsProvider => {
  const { command, timeoutMs } = settings;
  const [program = '', ...args] = command;

  const run = (
    action: 'present' | 'cleanup',
    { name, value }: TxtRecord,
    signal: AbortSignal,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const fail = (what: string, cause?: unknown): void => {
        const message = `program "${program}" ${what} (${action} of "${name}")`;
        reject(new LinkgateError('ERR_DNS_UNAVAILABLE', message, { cause }));
      };
      if (signal.aborted) return reject(signal.reason as Error);
      // A process group of its own, so that all processes in it can be killed.
      const child = spawn(program, [...args, action, name, value], {
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      const kill = (): void => {
        try {
          if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        } catch {
          // It has ended already.
        }
      };
      let said = '';
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        kill();
      }, timeoutMs);
      signal.addEventListener('abort', kill, { once: true });
      child.stderr.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString('utf8')).slice(-MOST_STDERR_BYTES);
      });
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', kill);
      };
      child.once('error', (error) => {
        done();
        fail(`could not be run: ${(error as NodeJS.ErrnoException).code ?? error.message}`, error);
      });
      // `exit`, not `close`: a process that it started may hold its stderr open.
      child.once('exit', (code, killedBy) => {
        done();
        kill();
        child.stderr.destroy();
        if (signal.aborted) return reject(signal.reason as Error);
        if (isLate) return fail(`was not done in ${timeoutMs} ms`);
        if (code === 0) return resolve();
        const words = lastLine(said);
        return fail(`ended with ${code ?? killedBy ?? 'nothing'}${words === '' ? '' : `: ${words}`}`);
      });
    });

  return {
    present: (record, signal) => run('present', record, signal),
    cleanUp: (record, signal) => run('cleanup', record, signal),
  };
};
