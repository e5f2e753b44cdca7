// Debian's Pebble (an ACME CA made for tests) and its DNS server on loopback, for one test.
// Every name resolves to 127.0.0.1; the CA validates http-01 at the port the test names.

import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import type { Test } from 'tap';
import { freePort } from './free-port.ts';
import { createPki } from './pki.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

export interface PebbleOptions {
  /** where the CA looks for http-01 answers, on 127.0.0.1 */
  readonly httpPort: number;
  /** where the CA looks for tls-alpn-01 answers */
  readonly tlsPort?: number;
  /** percentage of good nonces that are rejected (0 unless told) */
  readonly nonceReject?: number;
  /** percentage of valid authorizations that new orders reuse (0 unless told) */
  readonly authzReuse?: number;
}

export interface Pebble {
  /** directory URL */
  readonly directory: string;
  /** absolute path of the PEM certificate that its HTTPS is verified with */
  readonly caFile: string;
  /** PEM of the root that signs what it issues */
  roots(): Promise<string>;
  /** how many orders were placed since it started */
  orders(): number;
  /** how many accounts were registered since it started */
  accounts(): number;
  /** everything it has logged */
  log(): string;
}

/** Starts a program, gathers what it prints, resolves when it printed `ready`, rejects when it ended first. */
const start = async (
  t: Test,
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; ready: string },
): Promise<() => string> => {
  const child: ChildProcess = spawn(program, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      printed += chunk.toString('utf8');
      if (printed.includes(options.ready)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${program} ended:\n${printed}`)));
  });
  return () => printed;
};

const get = (url: string, ca: string): Promise<string> =>
  new Promise((resolve, reject) => {
    https
      .get(url, { ca, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve(body));
      })
      .once('error', reject);
  });

const attempt = async (t: Test, options: PebbleOptions): Promise<Pebble> => {
  const folder = tempDir(t);
  const [acmePort, managementPort, dnsPort, dnsManagementPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const pki = createPki();
  const { keyPem, chainPem } = pki.leaf(['localhost', '127.0.0.1']);
  const caFile = join(folder, 'directory-ca.pem');
  writeFileSync(caFile, pki.rootPem);
  writeFileSync(join(folder, 'chain.pem'), chainPem);
  writeFileSync(join(folder, 'key.pem'), keyPem, { mode: 0o600 });
  writeFileSync(
    join(folder, 'pebble.json'),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${acmePort}`,
        managementListenAddress: `127.0.0.1:${managementPort}`,
        certificate: join(folder, 'chain.pem'),
        privateKey: join(folder, 'key.pem'),
        httpPort: options.httpPort,
        tlsPort: options.tlsPort ?? options.httpPort,
        ocspResponderURL: '',
        externalAccountBindingRequired: false,
      },
    }),
  );
  const dns = `127.0.0.1:${dnsPort}`;
  await start(
    t,
    'pebble-challtestsrv',
    [
      '-defaultIPv4',
      '127.0.0.1',
      '-defaultIPv6',
      '',
      '-http01',
      '',
      '-https01',
      '',
      '-tlsalpn01',
      '',
      '-dns01',
      dns,
      '-management',
      `127.0.0.1:${dnsManagementPort}`,
    ],
    { ready: 'Starting management server' },
  );
  const log = await start(t, 'pebble', ['-config', join(folder, 'pebble.json'), '-dnsserver', dns], {
    env: {
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 0),
      PEBBLE_AUTHZREUSE: String(options.authzReuse ?? 0),
    },
    ready: 'ACME directory available',
  });
  const count = (text: string): number => log().split(text).length - 1;
  const directory = `https://localhost:${acmePort}/dir`;
  // it says so just before it listens
  await until('Pebble answers', () => get(directory, pki.rootPem));
  return {
    directory,
    caFile,
    roots: () => get(`https://localhost:${managementPort}/roots/0`, pki.rootPem),
    orders: () => count('Added order '),
    accounts: () => count('accounts in memory'),
    log,
  };
};

/** Starts both programs on ports found free, again on others when somebody was faster. */
export const pebble = async (t: Test, options: PebbleOptions): Promise<Pebble> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(t, options);
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
};
