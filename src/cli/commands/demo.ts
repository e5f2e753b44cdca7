// `linkgate demo`: the whole product on loopback, with one sample click, which it sends and shows.

import { get as httpGet } from 'node:http';
import { get as httpsGet, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { startDemo, type Demo } from '../../app/demo/demo.ts';
import { reach } from '../../app/systemd/probe.ts';
import { untilSignal } from '../../app/until-signal.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { LinkgateError, withDetails } from '../../core/errors.ts';
import type { ListenAddress } from '../../core/settings.ts';
import { addressProblem, parseListenAddress } from '../../config/values/listen-address.ts';

/** Readable part and signature of a click as Customer.io writes them. This click belongs to no customer. */
const sampleClick = (): string => {
  const payload = {
    email_id: 'demo',
    href: 'https://www.example.com/welcome?utm_source=newsletter',
    internal: 'demo',
    link_id: 1,
  };
  return `/e/c/${Buffer.from(JSON.stringify(payload)).toString('base64url')}/${'5ca1ab1e'.repeat(8)}`;
};

interface Shown {
  readonly status: string;
  readonly fields: readonly string[];
  readonly names: string;
  readonly issuer: string;
  readonly body: string;
}

const REQUEST_LIMIT_MS = 10_000;

const read = (get: typeof httpGet | typeof httpsGet, options: RequestOptions): Promise<Shown> =>
  new Promise((resolve, reject) => {
    const request = get({ ...options, timeout: REQUEST_LIMIT_MS }, (response: IncomingMessage) => {
      const socket = response.socket as TLSSocket;
      const certificate = 'getPeerCertificate' in socket ? socket.getPeerCertificate() : undefined;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const fields: string[] = [];
        for (let i = 0; i < response.rawHeaders.length; i += 2) {
          fields.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
        }
        resolve({
          status: `HTTP/${response.httpVersion} ${response.statusCode} ${response.statusMessage}`,
          fields,
          names: certificate?.subjectaltname?.replaceAll('DNS:', '') ?? '',
          issuer: String(certificate?.issuer.CN ?? ''),
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
  });

const listenAddress = (option: string, text: string): ListenAddress => {
  const address = parseListenAddress(text);
  if (address === undefined) {
    throw new LinkgateError('ERR_USAGE', `option --${option} ${addressProblem('ADDRESS:PORT', text)}`);
  }
  return address;
};

const urlOf = ({ host, port }: ListenAddress): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The line of /metrics that counted the sample click. The response may arrive before the worker has counted it. */
const countedLine = async ({ addresses, domain }: Demo): Promise<string> => {
  for (let tries = 0; tries < 20; tries += 1) {
    const { body } = await read(httpGet, { ...reach(addresses.admin), path: '/metrics' });
    const isCount = (text: string): boolean =>
      text.startsWith('linkgate_clicks_total{') && text.includes(`"${domain}"`);
    const line = body.split('\n').find(isCount);
    if (line !== undefined) return line;
    await systemClock.sleep(100);
  }
  throw new LinkgateError('ERR_INTERNAL', 'demo click was not counted');
};

const show = async (demo: Demo, print: (text: string) => void): Promise<void> => {
  const { addresses, domain, caPem, caFile } = demo;
  const target = sampleClick();
  const { host, port } = addresses.https;
  const curlHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const answer = await read(httpsGet, {
    ...reach(addresses.https),
    servername: domain,
    ca: caPem,
    path: target,
    headers: { Host: domain },
    agent: false,
  });
  print(`
linkgate demo: a click through the whole product, on this machine only

  https  ${urlOf(addresses.https)}    http  ${urlOf(addresses.http)}    admin  http://${urlOf(addresses.admin)}

The click
  > GET ${target}
  > Host: ${domain}

The response of the stand-in tracker
  < ${answer.status}
${answer.fields.map((field) => `  < ${field}`).join('\n')}

The certificate
  names   ${answer.names}
  issuer  ${answer.issuer}

The count, on http://${urlOf(addresses.admin)}/metrics
  ${await countedLine(demo)}

The page for people, in a browser
  http://${urlOf(addresses.admin)}/

Send it again
  curl -i --cacert ${caFile} --resolve ${domain}:${port}:${curlHost} \\
    'https://${domain}:${port}${target}'

Ctrl-C stops it and removes everything it made.
`);
};

export interface DemoCommandOptions {
  readonly https?: string;
  readonly http?: string;
  readonly admin?: string;
}

/** The demo has no configuration: an option chooses the port that could not be opened. */
const withOption = (error: unknown): unknown => {
  if (!(error instanceof LinkgateError) || error.details.listener === undefined) return error;
  const option = `--${error.details.listener} 127.0.0.1:0`;
  const remedy = `choose another port, or 0 for any free one: linkgate demo ${option} (or npm start -- ${option})`;
  return withDetails(error, { remedy });
};

/** @returns 0 after Ctrl-C. @throws LinkgateError `ERR_USAGE`, `ERR_LISTEN_*` */
export const demoCommand = async ({
  https = '127.0.0.1:8443',
  http = '127.0.0.1:8080',
  admin = '127.0.0.1:9464',
}: DemoCommandOptions): Promise<number> => {
  const stopping = untilSignal();
  const demo = await startDemo({
    https: listenAddress('https', https),
    http: listenAddress('http', http),
    admin: listenAddress('admin', admin),
    // the command itself says what goes wrong
    logLevel: process.env['LINKGATE_LOG_LEVEL'] ?? 'error',
  }).catch((error: unknown) => {
    throw withOption(error);
  });
  try {
    await show(demo, (text) => process.stdout.write(text));
    await stopping.asked;
  } finally {
    await demo.stop();
  }
  return 0;
};
