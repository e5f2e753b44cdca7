// HAProxy with a folder of certificates, connections to the upstream kept and shared.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UPSTREAM_NAME } from '../certificates.ts';
import { freePort, startProgram, versionOf } from '../program.ts';
import type { Target, TargetOptions } from './target.ts';

const configuration = ({ domains, rootFile, upstreamPort, workers }: TargetOptions, port: number): string => `
global
  maxconn 9000
  nbthread ${workers}
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout connect 3s
  timeout client 300s
  timeout server 15s
  timeout http-keep-alive 300s
  http-reuse always
frontend https
  bind 127.0.0.1:${port} ssl crt ${domains.folder} strict-sni alpn h2,http/1.1 backlog 4096
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend tracker
backend tracker
  server one 127.0.0.1:${upstreamPort} ssl verify required ca-file ${rootFile} sni str(${UPSTREAM_NAME}) verifyhost ${UPSTREAM_NAME} pool-max-conn 128
`;

export const haproxy: Target = {
  name: 'haproxy',
  isJit: false,
  speaksHttp2: true,
  mostDomains: 100_000,
  version: () => versionOf('haproxy', ['-v']),
  start: async (options) => {
    const port = await freePort();
    const file = join(options.folder, 'haproxy.cfg');
    writeFileSync(file, configuration(options, port));
    const program = startProgram({ command: 'haproxy', args: ['-db', '-f', file], cores: options.cores });
    return { ...program, port };
  },
};
