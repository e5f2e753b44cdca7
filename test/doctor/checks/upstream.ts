import t from 'tap';
import { checkUpstream } from '../../../src/doctor/checks/upstream.ts';
import { createDnsResolver } from '../../../src/dns/resolver.ts';
import { examine, idsOf, NAME } from '../../helpers/examine.ts';
import { createPki } from '../../helpers/pki.ts';
import { tracker } from '../../helpers/tracker.ts';

// the upstream is found by the system's resolver, not by this one
const resolver = createDnsResolver({ servers: ['127.0.0.1:9'] });

t.test('the tracker, asked for something harmless', async (t) => {
  const own = await tracker(t);
  const [found] = await checkUpstream(await examine(t, { resolver, places: [], tracker: own }));
  t.match(found, { level: 'green', what: 'e.customeriomail.com (region us) answers 302' });
  t.equal(own.requests.length, 1);
  const [request] = own.requests;
  t.match(request, { method: 'GET', target: '/', servername: 'e.customeriomail.com' });
  t.strictSame(request?.field('host'), [NAME]);
});

t.test('nobody there, another region, another CA, an error', async (t) => {
  t.match(await checkUpstream(await examine(t, { resolver, places: [] })), [
    { id: 'upstream-unreachable', evidence: [/127\.0\.0\.1: ECONNREFUSED$/] },
  ]);
  const eu = await tracker(t, { serverName: 'e-eu.customeriomail.com' });
  const wrongRegion = await examine(t, {
    resolver,
    places: [],
    tracker: { ...eu, serverName: 'e.customeriomail.com' },
  });
  t.match(await checkUpstream(wrongRegion), [
    { id: 'upstream-tls', evidence: [/ERR_TLS_CERT_ALTNAME_INVALID/, /e-eu\.customeriomail\.com/] },
  ]);
  t.equal(eu.requests.length, 0, 'nothing was asked of it');
  const stranger = await tracker(t);
  const distrusted = { ...stranger, caPem: createPki().rootPem };
  t.strictSame(idsOf(await checkUpstream(await examine(t, { resolver, places: [], tracker: distrusted }))), [
    'upstream-tls',
  ]);
  const failing = await tracker(t, { answer: (_request, response) => void response.writeHead(503).end() });
  t.match(await checkUpstream(await examine(t, { resolver, places: [], tracker: failing })), [
    { id: 'upstream-error', what: /answers 503/ },
  ]);
});
