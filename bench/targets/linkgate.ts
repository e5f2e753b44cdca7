// linkgate as `npm run build` left it, with its metrics on and its access log off, as it is by default.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UPSTREAM_NAME } from '../certificates.ts';
import { freePort, startProgram, versionOf } from '../program.ts';
import type { Target, TargetOptions } from './target.ts';

export const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Ports {
  readonly https: number;
  readonly http: number;
  readonly admin: number;
}

const configuration = (
  { domains, rootFile, upstreamPort, workers, folder }: TargetOptions,
  ports: Ports,
) => ({
  listen: {
    https: `127.0.0.1:${ports.https}`,
    http: `127.0.0.1:${ports.http}`,
    admin: `127.0.0.1:${ports.admin}`,
  },
  upstream: { url: `https://127.0.0.1:${upstreamPort}`, serverName: UPSTREAM_NAME, caFile: rootFile },
  certificates: { storage: { type: 'file', path: domains.storage }, issuers: [{ type: 'local' }] },
  domainsFile: join(folder, 'domains.txt'),
  // the load has one address
  limits: { connectionsPerAddress: 20_000 },
  workers,
});

export interface LinkgateTargetOptions {
  readonly name: string;
  /** the Node it runs on */
  readonly node: string;
  /** another build than this one */
  readonly command?: string;
  /** options of Node, such as `--cpu-prof` */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const createLinkgateTarget = ({
  name,
  node,
  command = COMMAND,
  nodeArgs = [],
  env = {},
}: LinkgateTargetOptions): Target => ({
  name,
  isJit: true,
  speaksHttp2: true,
  mostDomains: 100_000,
  version: () => versionOf(node, [command, '--version']),
  start: async (options) => {
    const ports: Ports = { https: await freePort(), http: await freePort(), admin: await freePort() };
    const names = join(options.folder, 'domains.txt');
    const writeNames = (all: readonly string[]): void => writeFileSync(names, `${all.join('\n')}\n`);
    writeNames(options.domains.names);
    const file = join(options.folder, 'linkgate.yaml');
    writeFileSync(file, JSON.stringify(configuration(options, ports)));
    const program = startProgram({
      command: node,
      args: [...nodeArgs, command, 'run', '--config', file],
      cores: options.cores,
      env,
    });
    return {
      ...program,
      port: ports.https,
      adminPort: ports.admin,
      addDomain: async (name) => {
        writeNames([...options.domains.names, name]);
        process.kill(program.pid, 'SIGHUP');
      },
    };
  },
});
