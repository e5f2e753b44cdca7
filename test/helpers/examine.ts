// The domain that the doctor examines in tests: a name on a real name server, and real listeners at its addresses, each with the
// fault that the test is about. Every address of loopback can be such a place.

import { createSocket } from 'node:dgram';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as NetServer } from 'node:net';
import type { Test } from 'tap';
import { systemClock } from '../../src/core/platform/clock.ts';
import type { DomainSettings } from '../../src/core/settings.ts';
import { createDnsResolver, type DnsResolver } from '../../src/dns/resolver.ts';
import {
  createExamination,
  type DoctorTools,
  type Examination,
  type Target,
} from '../../src/doctor/examination/examination.ts';
import type { Finding } from '../../src/doctor/examination/findings.ts';
import { freePort } from './free-port.ts';
import { nameServer } from './name-server.ts';
import { sharedPki, type Leaf } from './pki.ts';
import type { Tracker } from './tracker.ts';

export const NAME = 'links.example.com';
export const pki = sharedPki('examine');

/** One machine that answers. */
export interface Place {
  /** 127.0.0.1 when absent */
  readonly address?: string;
  /** a 302 when absent; null: port 80 is closed */
  readonly http?: RequestListener | null;
  readonly https?: RequestListener | null;
  /** a certificate for the name when absent; key and chain as they are sent */
  readonly leaf?: Pick<Leaf, 'keyPem' | 'chainPem'>;
}

export interface ExamineOptions {
  readonly places?: readonly Place[];
  readonly resolver: DnsResolver;
  readonly tracker?: Tracker;
  readonly domain?: Partial<DomainSettings>;
  readonly tools?: Partial<DoctorTools>;
  readonly certificate?: Target['certificate'];
}

const click: RequestListener = (_request, response) =>
  void response.writeHead(302, { Location: 'https://x.example/' }).end();

/** A resolver that asks Debian's BIND, authoritative for example.com with these records, for its parent, and for a tracker. */
export const resolverFor = async (
  t: Test,
  records: readonly string[],
  more: Readonly<Record<string, readonly string[]>> = {},
): Promise<DnsResolver> => {
  const { host, port } = await nameServer(t, records, {
    com: [],
    'customeriomail.com': ['e IN A 127.0.0.1'],
    ...more,
  });
  return createDnsResolver({ servers: [`${host}:${port}`] });
};

/** Answers SERVFAIL to every question. @returns `ADDRESS:PORT` */
export const failingNameServer = async (t: Test): Promise<string> => {
  const server = createSocket('udp4');
  server.on('message', (message, { address, port }) => {
    const answer = Buffer.from(message);
    answer.writeUInt16BE(0x8182, 2);
    server.send(answer, port, address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `127.0.0.1:${server.address().port}`;
};

const listen = async (t: Test, server: NetServer, host: string, port: number): Promise<void> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  t.teardown(() => {
    (server as Server).closeAllConnections();
    server.close();
  });
};

/** made once a process */
let own: Leaf | undefined;

/** Opens the places and prepares the examination of links.example.com. */
export const examine = async (t: Test, options: ExamineOptions): Promise<Examination> => {
  const { places = [{}], resolver, tracker, domain, tools, certificate } = options;
  const ports = { http: await freePort(), https: await freePort() };
  for (const {
    address = '127.0.0.1',
    http = click,
    https = click,
    leaf = (own ??= pki.leaf([NAME])),
  } of places) {
    if (http !== null) await listen(t, createServer(http), address, ports.http);
    if (https !== null) {
      const server = createTlsServer({ key: leaf.keyPem, cert: leaf.chainPem }, https);
      server.on('tlsClientError', (_error, socket) => socket.destroy());
      await listen(t, server, address, ports.https);
    }
  }
  const target: Target = {
    domain: { name: NAME, upstream: 'us', redirectHttp: false, ...domain },
    upstream: {
      id: 'us',
      origin: tracker?.url ?? 'https://127.0.0.1:9',
      serverName: tracker?.serverName ?? 'e.customeriomail.com',
    },
    ...(certificate === undefined ? {} : { certificate }),
  };
  return createExamination(target, {
    resolver,
    ports,
    roots: [pki.rootPem],
    upstreamRoots: () => (tracker === undefined ? [] : [tracker.caPem]),
    clock: systemClock,
    signal: new AbortController().signal,
    cas: [{ identities: ['letsencrypt.org'] }],
    preloaded: { date: '2026-06-01', names: new Set() },
    ...tools,
  });
};

/** The ids of what is not green; `green` where all is. */
export const idsOf = (findings: readonly Finding[]): readonly string[] => {
  const bad = findings.flatMap(({ id }) => id ?? []);
  return bad.length === 0 && findings.length > 0 ? ['green'] : bad;
};
