import type { ServerResponse } from 'node:http';
import t from 'tap';
import { checkCdn } from '../../../src/doctor/checks/cdn.ts';
import { examine, idsOf, resolverFor } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';
import { tracker } from '../../helpers/tracker.ts';

t.test('a CDN in front', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(
    t,
    ['links IN A 127.0.0.1', 'orange IN A 104.16.1.2', 'cloud IN CNAME d1.cloudfront.net.'],
    { 'cloudfront.net': ['d1 IN A 127.0.0.1'] },
  );

  await t.test('none', async (t) => {
    t.strictSame(idsOf(await checkCdn(await examine(t, { resolver }))), ['green']);
    t.strictSame(await checkCdn(await examine(t, { resolver, domain: { name: 'no.example.com' } })), []);
  });
  await t.test('by what it answers', async (t) => {
    const places = [
      {
        https: (_: unknown, response: ServerResponse) =>
          void response.writeHead(200, { 'CF-Ray': '8f', Server: 'cloudflare' }).end(),
      },
    ];
    const found = await checkCdn(await examine(t, { resolver, places }));
    t.match(found, [
      { id: 'cdn-in-front', what: /^Cloudflare/, evidence: ['cf-ray: 8f'], remedy: /DNS only/ },
    ]);
    const own = await tracker(t, {
      answer: (_request, response) => void response.writeHead(200, { 'CF-Ray': '9a' }).end(),
    });
    t.strictSame(
      idsOf(await checkCdn(await examine(t, { resolver, places, tracker: own }))),
      ['green'],
      'the tracker’s own',
    );
  });
  await t.test('by its alias', async (t) => {
    const found = await checkCdn(
      await examine(t, { resolver, domain: { name: 'cloud.example.com' }, places: [] }),
    );
    t.match(found, [{ id: 'cdn-in-front', what: /^CloudFront/, evidence: ['CNAME d1.cloudfront.net'] }]);
  });
  await t.test('by its address, without asking there', async (t) => {
    const found = await checkCdn(await examine(t, { resolver, domain: { name: 'orange.example.com' } }));
    t.match(found, [{ id: 'cdn-in-front', evidence: ['104.16.1.2 is Cloudflare’s'] }]);
  });
});
