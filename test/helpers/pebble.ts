// Debian's Pebble (an ACME CA made for tests) and its DNS server on loopback, for one test.
// Every name resolves to 127.0.0.1; the CA validates http-01 at the port the test names.

import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import forge from 'node-forge';
import type { Test } from 'tap';
import { packageMissing } from './programs.ts';
import { tempDir } from './temp-dir.ts';

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

/**
 * False when Pebble is installed, else why the test is skipped and what would enable it.
 * @throws when `LINKGATE_NO_SKIP` is set: then nothing may be skipped
 */
export const pebbleMissing = (): string | false =>
  packageMissing('pebble', ['pebble', 'pebble-challtestsrv']);

/** A TCP port that was free a moment ago, and free for UDP too. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket = createSocket('udp4');
  const isFree = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => resolve(true));
  });
  socket.close();
  await new Promise((resolve) => server.close(resolve));
  return isFree ? port : freePort();
};

/** A certificate for localhost that is its own CA. */
const selfSigned = (): { keyPem: string; certPem: string } => {
  const keyPem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
  const key = forge.pki.privateKeyFromPem(keyPem);
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  cert.serialNumber = '01';
  cert.validity.notBefore = new Date(Date.now() - 3_600_000);
  cert.validity.notAfter = new Date(Date.now() + 86_400_000);
  cert.setSubject([{ name: 'commonName', value: 'localhost' }]);
  cert.setIssuer([{ name: 'commonName', value: 'localhost' }]);
  cert.setExtensions([
    { name: 'basicConstraints', cA: true },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
      ],
    },
  ]);
  cert.sign(key, forge.md.sha256.create());
  return { keyPem, certPem: forge.pki.certificateToPem(cert) };
};

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
  const { keyPem, certPem } = selfSigned();
  const caFile = join(folder, 'directory-ca.pem');
  writeFileSync(caFile, certPem);
  writeFileSync(join(folder, 'key.pem'), keyPem, { mode: 0o600 });
  writeFileSync(
    join(folder, 'pebble.json'),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${acmePort}`,
        managementListenAddress: `127.0.0.1:${managementPort}`,
        certificate: caFile,
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
  // It says so just before it listens.
  for (let tries = 0; ; tries += 1) {
    try {
      await get(directory, certPem);
      break;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    directory,
    caFile,
    roots: () => get(`https://localhost:${managementPort}/roots/0`, certPem),
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
