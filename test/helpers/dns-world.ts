// A little DNS of real BINDs on loopback: authoritative servers whose zones change while they run, and a resolver that asks
// them, keeps answers for their TTL and records every question.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { freePort } from './free-port.ts';
import { namedOptions, startNamed, zoneText } from './name-server.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

export type Zones = Readonly<Record<string, readonly string[]>>;

export interface Authority {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** other lines for one of its zones, served when this resolves */
  replace(zone: string, lines: readonly string[]): Promise<void>;
  /** stops answering, without closing its port; resolves when it has */
  pause(): Promise<void>;
  resume(): void;
}

/** @param zones - lines as well as SOA and NS, by apex */
export const authority = async (t: Test, zones: Zones): Promise<Authority> => {
  const folder = tempDir(t);
  const port = await freePort();
  let serial = 1;
  for (const [name, lines] of Object.entries(zones)) {
    writeFileSync(join(folder, name), zoneText(name, lines, serial));
  }
  const { child, log } = await startNamed(t, folder, [
    `options { ${namedOptions(folder, '127.0.0.1', port)} recursion no; };`,
    'controls { };',
    ...Object.keys(zones).map((name) => `zone "${name}" { type primary; file "${join(folder, name)}"; };`),
  ]);
  return {
    host: '127.0.0.1',
    port,
    replace: async (zone, lines) => {
      serial += 1;
      writeFileSync(join(folder, zone), zoneText(zone, lines, serial));
      child.kill('SIGHUP');
      await until('the zone is loaded', () => log().includes(`zone ${zone}/IN: loaded serial ${serial}\n`));
    },
    pause: async () => {
      child.kill('SIGSTOP');
      const tasks = `/proc/${child.pid}/task`;
      await until('every thread of named stands', () =>
        readdirSync(tasks).every((task) => / T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'))),
      );
    },
    resume: () => void child.kill('SIGCONT'),
  };
};

export interface RecordingResolver {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** every question so far, as `links.example.com A` */
  questions(): readonly string[];
  /** forgets what it has cached, as when its TTL is over */
  flush(): Promise<void>;
}

/** @param from - the authority of each zone */
export const recordingResolver = async (
  t: Test,
  from: Readonly<Record<string, Authority>>,
): Promise<RecordingResolver> => {
  const folder = tempDir(t);
  const port = await freePort();
  const zones = Object.entries(from).map(
    ([name, { port: at }]) =>
      `zone "${name}" { type forward; forward only; forwarders { 127.0.0.1 port ${at}; }; };`,
  );
  const controlPort = await freePort();
  const keyFile = join(folder, 'control.key');
  const key = `key "control" { algorithm hmac-sha256; secret "${randomBytes(32).toString('base64')}"; };`;
  writeFileSync(keyFile, key, { mode: 0o600 });
  const { log } = await startNamed(t, folder, [
    `options { ${namedOptions(folder, '127.0.0.1', port)} recursion yes; querylog yes; forward only; forwarders { };`,
    '  servfail-ttl 0; };',
    key,
    `controls { inet 127.0.0.1 port ${controlPort} allow { 127.0.0.1; } keys { "control"; }; };`,
    ...zones,
  ]);
  return {
    host: '127.0.0.1',
    port,
    questions: () =>
      [...log().matchAll(/ query: (\S+) IN (\S+) /g)].map(([, name, type]) => `${name} ${type}`),
    flush: async () => {
      await promisify(execFile)('rndc', ['-s', '127.0.0.1', '-p', `${controlPort}`, '-k', keyFile, 'flush']);
    },
  };
};
