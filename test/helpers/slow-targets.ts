// What else can stand where the worker stands under thousands of slow connections, to tell the machine's share of the times
// from ours: Node's own servers with a constant answer, nginx and HAProxy as proxies. For measurements by hand.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { WorkerChildOptions } from './worker-child.ts';
import { freePort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';
import { connect } from 'node:net';

export interface SlowTarget {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly pid: number;
}

const ANSWER = ['Location', 'https://www.example.com/landing'];

/** Arguments: folder with leaf.pem, both ports, the limit in milliseconds. */
const bare = fileURLToPath(import.meta.url);
const runBare = async (
  folder: string,
  httpsPort: number,
  httpPort: number,
  limitMs: number,
): Promise<void> => {
  const { readFileSync } = await import('node:fs');
  const pem = readFileSync(join(folder, 'leaf.pem'));
  const clocks = { headersTimeout: limitMs, requestTimeout: limitMs, connectionsCheckingInterval: 1_000 };
  const answer = (_request: unknown, response: import('node:http').ServerResponse): void => {
    response.writeHead(302, ANSWER).end();
  };
  createTlsServer({ ...clocks, key: pem, cert: pem, handshakeTimeout: limitMs }, answer).listen({
    port: httpsPort,
    host: '127.0.0.1',
    backlog: 4_096,
  });
  createServer(clocks, answer).listen({ port: httpPort, host: '127.0.0.1', backlog: 4_096 });
};

interface Place extends SlowTargetOptions {
  readonly folder: string;
  readonly httpsPort: number;
  readonly httpPort: number;
}

const nginx = ({ folder, httpsPort, httpPort, tracker, limitMs, domain }: Place): string => {
  const limit = `${limitMs / 1_000}s`;
  return `daemon off; user root; pid ${folder}/pid; error_log stderr crit; worker_processes 1; worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http {
  access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  client_header_timeout ${limit}; keepalive_timeout ${limit}; ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate ${folder}/leaf.pem; ssl_certificate_key ${folder}/leaf.pem;
  upstream tracker { server 127.0.0.1:${new URL(tracker.url).port}; keepalive 128; }
  server {
    server_name ${domain}; listen 127.0.0.1:${httpsPort} ssl backlog=4096; listen 127.0.0.1:${httpPort} backlog=4096;
    location / {
      proxy_pass https://tracker; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_redirect off; proxy_ssl_verify on; proxy_ssl_trusted_certificate ${folder}/tracker-ca.pem;
      proxy_ssl_name ${tracker.serverName}; proxy_ssl_server_name on;
    }
  }
}
`;
};

const haproxy = ({ folder, httpsPort, httpPort, tracker, limitMs }: Place): string => `global
  maxconn 19000
  nbthread 1
defaults
  mode http
  timeout connect 3s
  timeout client ${limitMs}ms
  timeout http-request ${limitMs}ms
  timeout http-keep-alive ${limitMs}ms
  timeout server 15s
  http-reuse always
frontend all
  bind 127.0.0.1:${httpsPort} ssl crt ${folder}/leaf.pem backlog 4096
  bind 127.0.0.1:${httpPort} backlog 4096
  default_backend tracker
backend tracker
  server tracker ${new URL(tracker.url).host} ssl verify required ca-file ${folder}/tracker-ca.pem sni str(${tracker.serverName}) verifyhost ${tracker.serverName}
`;

export interface SlowTargetOptions extends Pick<WorkerChildOptions, 'domain' | 'leaf' | 'tracker'> {
  readonly limitMs: number;
}

/** Starts one of `node`, `nginx`, `haproxy`. */
export const slowTarget = async (t: Test, name: string, options: SlowTargetOptions): Promise<SlowTarget> => {
  const place = {
    ...options,
    folder: tempDir(t),
    httpsPort: await freePort(),
    httpPort: await freePort(),
  };
  const { folder, httpsPort, httpPort, limitMs, leaf } = place;
  writeFileSync(join(folder, 'leaf.pem'), leaf.chainPem + leaf.keyPem);

  writeFileSync(join(folder, 'tracker-ca.pem'), options.tracker.caPem);
  const file = join(folder, 'target.conf');
  if (name === 'nginx') writeFileSync(file, nginx(place));
  if (name === 'haproxy') writeFileSync(file, haproxy(place));
  const [command, ...args] =
    name === 'nginx'
      ? ['nginx', '-c', file]
      : name === 'haproxy'
        ? ['haproxy', '-f', file]
        : [
            process.execPath,
            ...process.execArgv,
            bare,
            folder,
            String(httpsPort),
            String(httpPort),
            String(limitMs),
          ];
  const child = spawn(command ?? '', args, { stdio: 'inherit' });
  t.teardown(() => child.kill());
  await until(
    `${name} listens`,
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(httpPort, '127.0.0.1', () => resolve(true));
        socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
      }),
  );
  return { httpsPort, httpPort, pid: child.pid ?? 0 };
};

if (process.argv[1] === bare)
  await runBare(
    process.argv[2] ?? '',
    Number(process.argv[3]),
    Number(process.argv[4]),
    Number(process.argv[5]),
  );
