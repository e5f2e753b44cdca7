import type { RequestListener } from 'node:http';
import t from 'tap';
import { checkHsts, parseHsts } from '../../../src/doctor/checks/hsts.ts';
import { examine, idsOf, NAME, pki, resolverFor } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';

t.test('the field', async (t) => {
  t.strictSame(parseHsts('max-age=60'), { maxAgeSeconds: 60, includeSubDomains: false });
  t.strictSame(parseHsts('Max-Age = "31536000" ; includeSubdomains; preload'), {
    maxAgeSeconds: 31_536_000,
    includeSubDomains: true,
  });
  for (const field of [undefined, '', 'max-age=0', 'includeSubDomains', 'max-age=x'])
    t.equal(parseHsts(field), undefined, field ?? 'absent');
});

const sends =
  (field: string): RequestListener =>
  (request, response) => {
    // the parent is the same machine: it is the one that sends
    if (request.headers.host === 'example.com') response.setHeader('Strict-Transport-Security', field);
    response.end();
  };

t.test('of the name, of a parent, of browsers', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1', '@ IN A 127.0.0.1']);
  const leaf = pki.leaf([NAME, 'example.com']);
  const withParent = async (field: string, names = leaf) =>
    idsOf(await checkHsts(await examine(t, { resolver, places: [{ https: sends(field), leaf: names }] })));

  t.strictSame(idsOf(await checkHsts(await examine(t, { resolver }))), ['green']);
  const https: RequestListener = (_request, response) =>
    void response.writeHead(200, { 'Strict-Transport-Security': 'max-age=60' }).end();
  const own = await checkHsts(await examine(t, { resolver, places: [{ https }] }));
  t.match(own, [{ id: 'hsts-name', level: 'red', evidence: [/max-age=60/] }]);

  t.strictSame(await withParent('max-age=60; includeSubDomains'), ['hsts-parent']);
  t.strictSame(await withParent('max-age=60'), ['green'], 'of the parent alone');
  t.strictSame(await withParent('max-age=0; includeSubDomains'), ['green'], 'taken back');
  t.strictSame(
    await withParent('max-age=60; includeSubDomains', pki.leaf([NAME])),
    ['green'],
    'browsers ignore it unverified',
  );

  for (const parent of ['com', 'example.com', NAME]) {
    const found = await checkHsts(
      await examine(t, { resolver, tools: { preloaded: { date: '2026-06-01', names: new Set([parent]) } } }),
    );
    t.match(found, [{ id: 'hsts-preload', what: new RegExp(`^"${parent}"`) }]);
  }
});
