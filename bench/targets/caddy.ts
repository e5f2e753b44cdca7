// Caddy with its certificates from a folder, by its JSON configuration; h1 and h2, no access log.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UPSTREAM_NAME } from '../certificates.ts';
import { freePort, startProgram, versionOf } from '../program.ts';
import type { Target, TargetOptions } from './target.ts';

const configuration = (
  { domains, rootFile, upstreamPort, folder }: TargetOptions,
  port: number,
  adminPort: number,
): object => ({
  admin: { listen: `127.0.0.1:${adminPort}`, config: { persist: false } },
  logging: { logs: { default: { level: 'ERROR' } } },
  storage: { module: 'file_system', root: join(folder, 'caddy') },
  apps: {
    tls: { certificates: { load_folders: [domains.folder] } },
    http: {
      servers: {
        worker: {
          listen: [`127.0.0.1:${port}`],
          protocols: ['h1', 'h2'],
          automatic_https: { disable: true },
          tls_connection_policies: [{}],
          routes: [
            {
              handle: [
                {
                  handler: 'reverse_proxy',
                  upstreams: [{ dial: `127.0.0.1:${upstreamPort}` }],
                  transport: {
                    protocol: 'http',
                    tls: { server_name: UPSTREAM_NAME, root_ca_pem_files: [rootFile] },
                    keep_alive: { max_idle_conns_per_host: 128 },
                  },
                },
              ],
            },
          ],
        },
      },
    },
  },
});

export const caddy: Target = {
  name: 'caddy',
  isJit: false,
  speaksHttp2: true,
  mostDomains: 100_000,
  version: () => versionOf('caddy', ['version']),
  start: async (options) => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const file = join(options.folder, 'caddy.json');
    const text = JSON.stringify(configuration(options, port, adminPort));
    writeFileSync(file, text);
    const program = startProgram({
      command: 'caddy',
      args: ['run', '--config', file],
      cores: options.cores,
      env: { HOME: options.folder },
    });
    const addDomain = async (): Promise<void> => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/load`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'cache-control': 'must-revalidate' },
        body: text,
      });
      await response.text();
      if (!response.ok) throw new Error(`caddy did not reload: ${response.status}`);
    };
    return { ...program, port, addDomain };
  },
};
