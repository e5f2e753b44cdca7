// Debian's BIND on loopback, authoritative for `example.com` and for `challenges.example.net`, for one test. Both zones take
// updates that are signed with its key.

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { freePort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';

export interface NameServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly keyName: string;
  /** absolute path of the secret */
  readonly keyFile: string;
  txt(name: string): Promise<readonly string[]>;
  log(): string;
}

/** A cache keeps what is there, and that something is not there (SOA minimum, RFC 2308 §4), longer than any test takes. */
export const zoneText = (zone: string, records: readonly string[], serial = 1): string =>
  [
    '$TTL 3600',
    `@ IN SOA ns1.${zone}. hostmaster.${zone}. ${serial} 60 60 3600 3600`,
    `@ IN NS ns1.${zone}.`,
    'ns1 IN A 127.0.0.1',
    ...records,
    '',
  ].join('\n');

/** BIND with this configuration, ready to answer; killed at the test's end. @returns what it has printed so far */
export const startNamed = async (
  t: Test,
  folder: string,
  lines: readonly string[],
): Promise<{ readonly child: ChildProcess; readonly log: () => string }> => {
  writeFileSync(join(folder, 'named.conf'), lines.join('\n'));
  const child = spawn('named', ['-g', '-c', join(folder, 'named.conf'), '-n', '1'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      printed += chunk.toString('utf8');
      if (/ running\n/.test(printed)) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`named ended:\n${printed}`)));
  });
  return { child, log: () => printed };
};

/** What every named of the tests has in common: on loopback, with files of its own, known to nobody. */
export const namedOptions = (folder: string, address: string, port: number): string =>
  [
    `directory "${folder}"; pid-file none; session-keyfile none; lock-file none;`,
    `listen-on port ${port} { ${address}; }; listen-on-v6 { none; };`,
    'dnssec-validation no; notify no; minimal-responses no-auth;',
  ].join(' ');

/**
 * @param records - lines of the zone file of example.com, in addition to SOA and NS
 * @param more - further zones by their apex, with their lines
 */
export const nameServer = async (
  t: Test,
  records: readonly string[] = [],
  more: Readonly<Record<string, readonly string[]>> = {},
): Promise<NameServer> => {
  const folder = tempDir(t);
  const port = await freePort();
  const secret = randomBytes(32).toString('base64');
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, `${secret}\n`);
  const zones = { 'example.com': records, 'challenges.example.net': [], ...more };
  for (const [name, lines] of Object.entries(zones)) writeFileSync(join(folder, name), zoneText(name, lines));
  const zone = (name: string): string =>
    `zone "${name}" { type primary; file "${join(folder, name)}"; allow-update { key "linkgate-test"; }; };`;
  const { log } = await startNamed(t, folder, [
    `options { ${namedOptions(folder, '127.0.0.1', port)} recursion no; };`,
    'controls { };',
    `key "linkgate-test" { algorithm hmac-sha256; secret "${secret}"; };`,
    ...Object.keys(zones).map(zone),
  ]);
  return {
    host: '127.0.0.1',
    port,
    keyName: 'linkgate-test',
    keyFile,
    txt: async (name) => {
      const resolver = new Resolver({ timeout: 2_000, tries: 2 });
      resolver.setServers([`127.0.0.1:${port}`]);
      try {
        return (await resolver.resolveTxt(name)).map((chunks) => chunks.join(''));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
        throw error;
      }
    },
    log,
  };
};
