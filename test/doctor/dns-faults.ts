// The DNS as it goes wrong, with real BINDs: chains, delegation, SERVFAIL, silence, slowness; and what is asked on the way.

import t from 'tap';
import { createFindServers } from '../../src/app/commands/dns.ts';
import { judgeCaa } from '../../src/dns/caa-judgement.ts';
import { lookUpName } from '../../src/dns/name-facts.ts';
import { createDnsResolver } from '../../src/dns/resolver.ts';
import { checkCaa } from '../../src/doctor/checks/caa.ts';
import { checkDns } from '../../src/doctor/checks/dns.ts';
import { examine, pki } from '../helpers/examine.ts';
import { authority, recordingResolver } from '../helpers/dns-world.ts';
import { needs } from '../helpers/needs.ts';
import { pause } from '../helpers/pause.ts';

const at = ({ port }: { readonly port: number }): string[] => [`127.0.0.1:${port}`];
const QUICK = { tryMs: 300, tries: 1 } as const;
const askers = [{ identities: ['letsencrypt.org'] }];

t.test('a chain of aliases through three zones', { skip: needs('named') }, async (t) => {
  const zones = await authority(t, {
    com: [],
    'example.com': ['links IN CNAME lb.example.net.', 'round IN CNAME trip', 'trip IN CNAME round'],
    'example.net': ['lb IN CNAME proxy.example.org.'],
    'example.org': ['proxy IN A 127.0.0.1', 'proxy IN CAA 0 issue "pki.goog"'],
  });
  const names = ['com', 'example.com', 'example.net', 'example.org'];
  const world = await recordingResolver(t, Object.fromEntries(names.map((name) => [name, zones])));
  const resolver = createDnsResolver({ servers: at(world) });
  const leaf = pki.leaf(['links.example.com']);
  const [found] = await checkDns(await examine(t, { resolver, places: [{ leaf }] }));
  t.match(found, { level: 'green', what: 'CNAME lb.example.net → proxy.example.org' });
  t.match(await checkCaa(await examine(t, { resolver })), [
    { id: 'caa-forbids', remedy: 'add at proxy.example.org: CAA 0 issue "letsencrypt.org"' },
  ]);
  const asked = new Set(world.questions().map((question) => question.split(' ')[1]));
  t.strictSame([...asked].toSorted(), ['A', 'AAAA', 'CAA', 'CNAME'], 'nothing else is asked');
  const loop = await lookUpName(resolver, 'round.example.com');
  t.ok(loop.chain.length <= 3 && loop.isEndless, 'a loop ends, and is seen');
});

t.test(
  'a zone that is delegated: its servers are those of the child',
  { skip: needs('named') },
  async (t) => {
    const parent = await authority(t, {
      com: [],
      'example.com': ['links IN NS ns1.links', 'ns1.links IN A 127.0.0.1', 'old IN A 127.0.0.1'],
    });
    const child = await authority(t, { 'links.example.com': ['@ IN A 127.0.0.1', 'deep IN A 127.0.0.1'] });
    const world = await recordingResolver(t, {
      com: parent,
      'example.com': parent,
      'links.example.com': child,
    });
    const find = createFindServers([{ host: '127.0.0.1', port: world.port }], child.port);
    const { signal } = new AbortController();
    const zoneOf = async (name: string) => (await find(name, signal)).map(({ zone }) => zone);
    t.strictSame(await zoneOf('deep.links.example.com'), ['links.example.com']);
    t.strictSame(await zoneOf('links.example.com'), ['links.example.com']);
    t.strictSame(await zoneOf('old.example.com'), ['example.com']);
    const byParent = await lookUpName(createDnsResolver({ servers: at(parent) }), 'links.example.com');
    t.match(byParent, { v4: [], failures: [] }, 'a referral is no answer');
    t.match(await lookUpName(createDnsResolver({ servers: at(world) }), 'links.example.com'), {
      v4: ['127.0.0.1'],
    });
  },
);

t.test('a zone that its server cannot load: SERVFAIL', { skip: needs('named') }, async (t) => {
  const broken = await authority(t, { com: [], 'example.com': ['links IN A 999.0.0.1'] });
  const resolver = createDnsResolver({ servers: at(broken) });
  t.match(await checkDns(await examine(t, { resolver, places: [] })), [
    { id: 'dns-failed', level: 'red', evidence: [/ESERVFAIL/, /ESERVFAIL/, /ESERVFAIL/] },
  ]);
  t.match(await checkCaa(await examine(t, { resolver, places: [] })), [
    {
      id: 'caa-failed',
      what: 'CAA of links.example.com could not be looked up',
      evidence: ['CAA: ESERVFAIL'],
    },
  ]);
});

t.test('a server that is silent, and one that is slow', { skip: needs('named') }, async (t) => {
  const server = await authority(t, { com: [], 'example.com': ['links IN A 127.0.0.1'] });
  await server.pause();
  const silent = await lookUpName(createDnsResolver({ servers: at(server), ...QUICK }), 'links.example.com');
  t.strictSame(silent.failures.toSorted(), ['A: ETIMEOUT', 'AAAA: ETIMEOUT', 'CNAME: ETIMEOUT']);
  const quick = createDnsResolver({ servers: at(server), ...QUICK });
  t.match(await judgeCaa(quick, { name: 'links.example.com', askers }), {
    verdict: 'failed',
    failure: 'CAA: ETIMEOUT',
  });
  const slow = lookUpName(createDnsResolver({ servers: at(server) }), 'links.example.com');
  await pause(1_000);
  server.resume();
  t.match(await slow, { v4: ['127.0.0.1'], failures: [] }, 'a second late is in time');
});
