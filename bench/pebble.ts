// A CA for the part `issuance`: Pebble and the DNS server that comes with it, on loopback. All names have the address 127.0.0.1.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Authority } from './certificates.ts';
import { freePort, startProgram, type Program } from './program.ts';

/** An address of this machine that nobody else has a name server on: resolv.conf(5) knows no ports. */
const DNS_ADDRESS = '127.0.0.153';
const READY_LIMIT_MS = 10_000;

export interface Ca {
  readonly directory: string;
  /** PEM of the root of what it issues */
  readonly rootPem: string;
  /** resolv.conf(5) with its name server */
  readonly resolvFile: string;
  stop(): Promise<void>;
}

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

const untilGot = async (url: string, ca: string, program: Program): Promise<string> => {
  const startMs = performance.now();
  for (;;) {
    try {
      return await get(url, ca);
    } catch (error) {
      if (performance.now() - startMs > READY_LIMIT_MS || program.hasEnded())
        throw new Error(`pebble is not ready\n${program.printed()}`, { cause: error });
      await pause(50);
    }
  }
};

/** undefined when it is there; else what is missing */
export const missingForPebble = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'root, for a resolv.conf of its own';
  const missing = ['pebble', 'pebble-challtestsrv', 'unshare'].filter(
    (program) => spawnSync('which', [program]).status !== 0,
  );
  return missing.length === 0 ? undefined : missing.join(', ');
};

/** @param httpPort - where it validates http-01 */
export const startPebble = async (authority: Authority, folder: string, httpPort: number): Promise<Ca> => {
  const [port, managementPort, dnsManagementPort] = [await freePort(), await freePort(), await freePort()];
  const certificate = join(folder, 'pebble.pem');
  writeFileSync(certificate, authority.issue('localhost'), { mode: 0o600 });
  const resolvFile = join(folder, 'resolv.conf');
  writeFileSync(resolvFile, `nameserver ${DNS_ADDRESS}\n`);
  const file = join(folder, 'pebble.json');
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate,
    privateKey: certificate,
    httpPort,
    tlsPort: httpPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  };
  writeFileSync(file, JSON.stringify({ pebble }));
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', ''];
  const dns = startProgram({
    command: 'pebble-challtestsrv',
    args: [
      ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', ...off],
      ...['-dns01', `${DNS_ADDRESS}:53`, '-management', `127.0.0.1:${dnsManagementPort}`],
    ],
    cores: '1',
  });
  const ca = startProgram({
    command: 'pebble',
    args: ['-config', file, '-dnsserver', `${DNS_ADDRESS}:53`],
    cores: '1',
    env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0' },
  });
  const trusted = readFileSync(authority.rootFile, 'utf8');
  return {
    directory: `https://localhost:${port}/dir`,
    rootPem: await untilGot(`https://localhost:${managementPort}/roots/0`, trusted, ca),
    resolvFile,
    stop: async () => {
      await Promise.all([ca.stop(), dns.stop()]);
    },
  };
};
