// http-proxy over a keep-alive agent, as its guides set it up.

import { readFileSync } from 'node:fs';
import https from 'node:https';
import httpProxy from 'http-proxy';

const [port, upstreamPort, certificateFile = '', rootFile = '', upstreamName = ''] = process.argv.slice(2);
const pem = readFileSync(certificateFile, 'utf8');
const agent = new https.Agent({
  keepAlive: true,
  maxSockets: 128,
  ca: readFileSync(rootFile),
  servername: upstreamName,
});
const proxy = httpProxy.createProxyServer({ target: `https://127.0.0.1:${upstreamPort}`, agent, xfwd: true });
proxy.on('error', (_error, _request, response) => response.destroy());

https
  .createServer({ key: pem, cert: pem }, (request, response) => proxy.web(request, response))
  .listen(Number(port), '127.0.0.1', 4096);
