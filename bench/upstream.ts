// The tracker's part: nginx, which answers every request over TLS with a 302. Its Location repeats host and path, so that the
// load can tell whose click came back.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UPSTREAM_NAME, type Authority } from './certificates.ts';
import { freePort, startProgram, type Program } from './program.ts';

export interface Upstream extends Program {
  readonly port: number;
}

/** Where a click on `target` of `host` leads. */
export const locationOf = (host: string, target: string): string => `https://shop.example/${host}${target}`;

const configuration = (folder: string, port: number): string => `
daemon off;
pid ${folder}/upstream.pid;
error_log stderr crit;
worker_processes 1;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${folder}/upstream-body;
  proxy_temp_path ${folder}/upstream-proxy;
  fastcgi_temp_path ${folder}/upstream-fastcgi;
  uwsgi_temp_path ${folder}/upstream-uwsgi;
  scgi_temp_path ${folder}/upstream-scgi;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_certificate ${folder}/upstream.pem;
    ssl_certificate_key ${folder}/upstream.pem;
    add_header Cache-Control "no-store" always;
    location / { return 302 https://shop.example/$http_host$request_uri; }
  }
}
`;

/** @param folder - for its files; removed by the caller */
export const startUpstream = async (
  authority: Authority,
  folder: string,
  cores: string,
): Promise<Upstream> => {
  const port = await freePort();
  writeFileSync(join(folder, 'upstream.pem'), authority.issue(UPSTREAM_NAME), { mode: 0o600 });
  const file = join(folder, 'upstream.conf');
  writeFileSync(file, configuration(folder, port));
  return { ...startProgram({ command: 'nginx', args: ['-c', file], cores }), port };
};
