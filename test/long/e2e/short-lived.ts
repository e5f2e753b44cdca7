// Certificates that end almost at once, under clicks: the built command renews them again and again, each click comes on a
// connection of its own and looks at what it was shown. `npm run short-lived` is the long run: 300 s, 90 s each.

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { connect } from 'node:tls';
import t from 'tap';
import { acmeCa } from '../../helpers/acme-ca.ts';
import { clickHttp1 } from '../../helpers/click.ts';
import { freePort } from '../../helpers/free-port.ts';
import { linkgate, writeConfig } from '../../helpers/linkgate.ts';
import { pause } from '../../helpers/pause.ts';
import { gather } from '../../helpers/serve.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const SECONDS = Number(process.env['SHORT_LIVED_SECONDS'] ?? 20);
const LIFETIME_S = Math.min(90, Math.max(30, Math.round(SECONDS * 0.3)));
const PER_SECOND = 50;
/** a machine that cannot do more takes longer */
const MOST_AT_ONCE = 25;
const NAMES = ['links.example.com', 'clicks.example.com', 'go.example.net', 'mail.example.org'];

interface Click {
  readonly domain: string;
  readonly serial: string;
  /** how much of its life the certificate had left */
  readonly leftMs: number;
  readonly tookMs: number;
}

const click = async (
  domain: string,
  port: number,
  ca: string,
  version: 'TLSv1.2' | 'TLSv1.3',
): Promise<Click> => {
  const startMs = performance.now();
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: domain,
    ca,
    minVersion: version,
    maxVersion: version,
    ALPNProtocols: ['http/1.1'],
  });
  socket.setTimeout(25_000, () => socket.destroy(new Error('took 25 seconds')));
  await once(socket, 'secureConnect');
  const { serialNumber, validFrom, validTo } = new X509Certificate(socket.getPeerCertificate().raw);
  const leftMs = Date.parse(validTo) - Date.now();
  if (leftMs <= 0 || Date.parse(validFrom) > Date.now()) {
    socket.destroy();
    throw new Error(`${domain} was shown ${validFrom} to ${validTo}`);
  }
  socket.write(`GET /e/c/x/y HTTP/1.1\r\nHost: ${domain}\r\nConnection: close\r\n\r\n`);
  const answer = await gather(socket);
  if (!answer.startsWith('HTTP/1.1 302 ')) throw new Error(`${domain} answered ${answer.slice(0, 40)}`);
  return { domain, serial: serialNumber, leftMs, tookMs: performance.now() - startMs };
};

t.test(
  `${SECONDS} s with certificates of ${LIFETIME_S} s`,
  { timeout: (SECONDS * 2 + 180) * 1_000 },
  async (t) => {
    const httpPort = await freePort();
    // the short run has room for one renewal at half of the life; the long one follows the renewalInfo of the CA
    const ca = await acmeCa(t, { httpPort, lifetimeMs: LIFETIME_S * 1_000, withoutAri: SECONDS < 60 });
    const home = await tracker(t);
    const folder = tempDir(t);
    const proxy = linkgate(t, [
      'run',
      '--config',
      writeConfig(folder, {
        listen: { https: '127.0.0.1:0', http: `127.0.0.1:${httpPort}`, admin: '127.0.0.1:0' },
        upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
        certificates: {
          storage: { path: join(folder, 'certs') },
          issuers: [{ type: 'acme', directory: ca.directory, caFile: ca.caFile, challenges: ['http-01'] }],
        },
        domains: NAMES.map((name) => ({ name })),
        workers: 2,
      }),
    ]);
    const port = await proxy.port('https');
    for (const domain of NAMES) {
      await until(`${domain} is live`, () => clickHttp1({ port, domain, ca: ca.rootPem, path: '/' }), 60_000);
    }

    const failures: string[] = [];
    const clicks: Click[] = [];
    const open = new Set<Promise<void>>();
    const startMs = performance.now();
    for (let sent = 0; sent < SECONDS * PER_SECOND; sent += 1) {
      await pause(Math.max(0, startMs + (sent * 1_000) / PER_SECOND - performance.now()));
      while (open.size >= MOST_AT_ONCE) await Promise.race(open);
      const domain = NAMES[sent % NAMES.length] ?? '';
      const version = sent % 8 < 4 ? 'TLSv1.3' : 'TLSv1.2';
      const work = (async (): Promise<void> => {
        try {
          clicks.push(await click(domain, port, ca.rootPem, version));
        } catch (error) {
          failures.push(String(error));
        }
      })();
      open.add(work);
      void work.finally(() => open.delete(work));
    }
    await Promise.all(open);
    const lifetimes = (performance.now() - startMs) / 1_000 / LIFETIME_S;

    t.same(failures.slice(0, 5), [], 'no handshake failed, no expired certificate was served');
    t.equal(clicks.length, SECONDS * PER_SECOND, 'each click was answered');
    for (const domain of NAMES) {
      const serials = new Set(clicks.filter((one) => one.domain === domain).map(({ serial }) => serial));
      t.ok(
        serials.size > Math.max(1, Math.floor(lifetimes)),
        `${domain}: ${serials.size} certificates served`,
      );
      const orders = ca.orders().filter(({ name }) => name === domain).length;
      t.ok(orders <= 2 * Math.ceil(lifetimes) + 2, `${domain}: ${orders} orders`);
    }
    const took = clicks.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
    const at = (share: number): number => Math.round(took[Math.floor((took.length - 1) * share)] ?? 0);
    const leastLeftS = Math.round(Math.min(...clicks.map(({ leftMs }) => leftMs)) / 1_000);
    t.comment(
      `${clicks.length} clicks, ${ca.orders().length} orders; least life left ${leastLeftS} s;` +
        ` a click took ${at(0.5)} ms, 99 of 100 at most ${at(0.99)} ms`,
    );
    proxy.process.kill('SIGTERM');
    t.equal(await proxy.ended, 0);
  },
);
