// How fast names come alive: 500 at once, by ACME (http-01) from a Pebble on the same machine. The CA's own pace is no limit
// here, so what is measured is how many names a program has under way at a time, and what each costs.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, createSecureContext } from 'node:tls';
import type { BenchContext } from './bench-context.ts';
import { locked } from './lock.ts';
import { domainName } from './names.ts';
import { missingForPebble, startPebble, type Ca } from './pebble.ts';
import { cpuMsOf } from './process-tree.ts';
import { freePort, startProgram, type Program } from './program.ts';
import type { IssuanceRow } from './results.ts';
import { LTS, SYSTEM } from './targets/all-targets.ts';
import { COMMAND } from './targets/linkgate.ts';

const NAMES = 500;
/** a target that is slower is measured by what it has done by then */
const LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 1_000;
const HANDSHAKE_LIMIT_MS = 5_000;
const AT_ONCE = 8;

interface Place {
  readonly ca: Ca;
  readonly rootFile: string;
  readonly folder: string;
  readonly names: readonly string[];
  readonly httpsPort: number;
  readonly httpPort: number;
}

interface Issuer {
  readonly name: string;
  readonly command: string;
  readonly env?: (place: Place) => Readonly<Record<string, string>>;
  /** writes the configuration and says how the program is called */
  readonly args: (place: Place) => Promise<readonly string[]>;
}

const write = (place: Place, name: string, value: object): string => {
  const file = join(place.folder, name);
  writeFileSync(file, JSON.stringify(value));
  return file;
};

const linkgate = (name: string, node: string): Issuer => ({
  name,
  command: node,
  args: async (place) => {
    const { ca, rootFile, folder, names, httpsPort, httpPort } = place;
    const config = write(place, 'linkgate.yaml', {
      listen: {
        https: `127.0.0.1:${httpsPort}`,
        http: `127.0.0.1:${httpPort}`,
        admin: `127.0.0.1:${await freePort()}`,
      },
      upstream: { url: 'https://127.0.0.1:9', serverName: 'tracker.bench.example' },
      certificates: {
        storage: { type: 'file', path: join(folder, 'store') },
        issuers: [
          {
            type: 'acme',
            directory: ca.directory,
            email: 'ops@bench.example',
            challenges: ['http-01'],
            caFile: rootFile,
          },
        ],
      },
      domains: names.map((domain) => ({ name: domain })),
      workers: 1,
    });
    return [COMMAND, 'run', '--config', config];
  },
});

const caddy: Issuer = {
  name: 'caddy',
  command: 'caddy',
  env: ({ folder }) => ({ HOME: folder }),
  args: async (place) => {
    const { ca, rootFile, folder, names, httpsPort, httpPort } = place;
    const issuer = {
      module: 'acme',
      ca: ca.directory,
      email: 'ops@bench.example',
      trusted_roots_pem_files: [rootFile],
      challenges: { 'tls-alpn': { disabled: true }, http: { alternate_port: httpPort } },
    };
    const route = { match: [{ host: names }], handle: [{ handler: 'static_response' }] };
    const config = write(place, 'caddy.json', {
      admin: { disabled: true, config: { persist: false } },
      logging: { logs: { default: { level: 'ERROR' } } },
      storage: { module: 'file_system', root: join(folder, 'store') },
      apps: {
        http: {
          http_port: httpPort,
          https_port: httpsPort,
          servers: { worker: { listen: [`127.0.0.1:${httpsPort}`], routes: [route] } },
        },
        tls: { automation: { policies: [{ issuers: [issuer] }] } },
      },
    });
    return ['run', '--config', config];
  },
};

const ISSUERS: readonly Issuer[] = [linkgate('linkgate', SYSTEM), linkgate('linkgate-lts', LTS), caddy];

/** In a mount namespace of its own, where the name server is the CA's. */
const startIssuer = async (issuer: Issuer, place: Place): Promise<Program> => {
  const script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  return startProgram({
    command: 'unshare',
    args: [
      ...['-m', 'sh', '-c', script, 'sh', place.ca.resolvFile],
      ...[issuer.command, ...(await issuer.args(place))],
    ],
    cores: '0',
    ...(issuer.env === undefined ? {} : { env: issuer.env(place) }),
  });
};

/** Whether a name answers a handshake with a certificate of this CA. */
const isLive = (
  port: number,
  name: string,
  context: ReturnType<typeof createSecureContext>,
): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: name,
      secureContext: context,
      timeout: HANDSHAKE_LIMIT_MS,
    });
    const done = (live: boolean): void => {
      resolve(live);
      socket.destroy();
    };
    socket.once('secureConnect', () => done(true));
    socket.on('error', () => done(false));
    socket.once('timeout', () => done(false));
    socket.once('close', () => done(false));
  });

const measureOne = async (context: BenchContext, issuer: Issuer): Promise<IssuanceRow> => {
  const folder = join(context.folder, `issuance-${issuer.name}`);
  mkdirSync(folder, { recursive: true });
  const [httpsPort, httpPort] = [await freePort(), await freePort()];
  const names = Array.from({ length: NAMES }, (_, index) => domainName(index));
  const ca = await startPebble(context.authority, folder, httpPort);
  const { rootFile } = context.authority;
  const program = await startIssuer(issuer, { ca, rootFile, folder, names, httpsPort, httpPort });
  const secureContext = createSecureContext({ ca: ca.rootPem });
  const startMs = performance.now();
  const waiting = new Set(names);
  /** Names are looked at in the order they are configured in: past a few that are not live, few others are. */
  const look = async (): Promise<void> => {
    const queue = [...waiting].values();
    const work = async (): Promise<void> => {
      let misses = 0;
      for (const name of queue) {
        if (await isLive(httpsPort, name, secureContext)) waiting.delete(name);
        else if (++misses > NAMES / AT_ONCE / 4) return;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };
  try {
    while (waiting.size > 0 && performance.now() - startMs < LIMIT_MS) {
      if (program.hasEnded()) throw new Error(`${issuer.name} ended: ${program.printed()}`);
      await pause(LOOK_EVERY_MS);
      await look();
    }
    const tookMs = performance.now() - startMs;
    return {
      target: issuer.name,
      names: NAMES,
      live: NAMES - waiting.size,
      tookMs,
      cpuMs: cpuMsOf(program.pid),
    };
  } finally {
    await program.stop();
    await ca.stop();
  }
};

/**
 * @param done - what a run before this one has measured
 * @param keep - called with all rows whenever there is one more
 */
export const measureIssuance = async (
  context: BenchContext,
  done: readonly IssuanceRow[],
  keep: (rows: readonly IssuanceRow[]) => void,
): Promise<void> => {
  const missing = missingForPebble();
  if (missing !== undefined) {
    context.say(`issuance: not measured, it needs ${missing}`);
    return;
  }
  const rows = [...done];
  for (const issuer of ISSUERS.filter(({ name }) => context.targets.some((target) => target.name === name))) {
    if (rows.some(({ target }) => target === issuer.name)) continue;
    const row = await locked(context.options.lock, () => measureOne(context, issuer));
    rows.push(row);
    keep(rows);
    context.say(`issuance ${row.target}: ${row.live} of ${row.names} in ${(row.tookMs / 1000).toFixed(1)} s`);
  }
};
