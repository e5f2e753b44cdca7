// nginx with a server block a domain, as its guides show it; from 100,000 domains on with certificates by variable, because
// that many blocks take minutes to read. The variable form reads the file on each handshake.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UPSTREAM_NAME } from '../certificates.ts';
import { freePort, startProgram, versionOf } from '../program.ts';
import type { Target, TargetOptions } from './target.ts';

/** up to here every domain has a block of its own */
const MOST_BLOCKS = 10_000;

const serverBlocks = ({ domains }: TargetOptions, port: number): string => {
  const block = (name: string, certificate: string, index = 0): string => `server {
    listen 127.0.0.1:${port} ssl http2${index === 0 ? ' backlog=4096' : ''};
    server_name ${name};
    ssl_certificate ${certificate};
    ssl_certificate_key ${certificate};
    location / { proxy_pass https://tracker; }
  }`;
  if (domains.count > MOST_BLOCKS) return block('~.', `${domains.folder}/$ssl_server_name.pem`);
  return domains.names.map((name, index) => block(name, `${domains.folder}/${name}.pem`, index)).join('\n  ');
};

const configuration = (options: TargetOptions, port: number): string => {
  const { folder, rootFile, upstreamPort, workers } = options;
  return `
daemon off;
user root;
pid ${folder}/nginx.pid;
error_log stderr crit;
worker_processes ${workers};
worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server_names_hash_max_size 262144;
  server_names_hash_bucket_size 128;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:10m;
  upstream tracker {
    server 127.0.0.1:${upstreamPort};
    keepalive 128;
    keepalive_requests 100000000;
  }
  proxy_http_version 1.1;
  proxy_redirect off;
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${rootFile};
  proxy_ssl_verify_depth 2;
  proxy_ssl_name ${UPSTREAM_NAME};
  proxy_ssl_server_name on;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;
  ${serverBlocks(options, port)}
}
`;
};

export const nginx: Target = {
  name: 'nginx',
  isJit: false,
  speaksHttp2: true,
  mostDomains: 100_000,
  version: () => versionOf('nginx', ['-v']),
  start: async (options) => {
    const port = await freePort();
    const file = join(options.folder, 'nginx.conf');
    writeFileSync(file, configuration(options, port));
    const program = startProgram({ command: 'nginx', args: ['-c', file], cores: options.cores });
    const reload = async (): Promise<void> => {
      writeFileSync(file, configuration(options, port));
      process.kill(program.pid, 'SIGHUP');
    };
    return {
      ...program,
      port,
      addDomain: async (name) => {
        if (options.domains.count > MOST_BLOCKS) return;
        const names = [...options.domains.names, name];
        Object.assign(options, { domains: { ...options.domains, names } });
        await reload();
      },
    };
  },
};
