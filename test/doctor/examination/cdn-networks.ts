import t from 'tap';
import { cdnOfAddress, cdnOfAlias, cdnOfHeaders } from '../../../src/doctor/examination/cdn-networks.ts';

t.test('by address', async (t) => {
  for (const [address, cdn] of [
    ['104.16.0.1', 'Cloudflare'],
    ['104.27.255.255', 'Cloudflare'],
    ['104.28.0.1', undefined],
    ['2606:4700::1111', 'Cloudflare'],
    ['151.101.1.1', 'Fastly'],
    ['140.248.128.1', 'Fastly'],
    ['13.32.0.1', undefined],
    ['127.0.0.1', undefined],
    ['::1', undefined],
  ] as const)
    t.equal(cdnOfAddress(address), cdn, address);
});

t.test('by alias', async (t) => {
  for (const [alias, cdn] of [
    ['d111111abcdef8.cloudfront.net', 'CloudFront'],
    ['links.acme.com.cdn.cloudflare.net', 'Cloudflare'],
    ['cloudfront.net', undefined],
    ['notcloudfront.net', undefined],
    ['proxy.acme.net', undefined],
  ] as const)
    t.equal(cdnOfAlias(alias), cdn, alias);
});

t.test('by fields', async (t) => {
  t.strictSame(cdnOfHeaders({ via: '1.1 abc.cloudfront.net (CloudFront)' }), {
    cdn: 'CloudFront',
    field: 'via: 1.1 abc.cloudfront.net (CloudFront)',
  });
  t.match(cdnOfHeaders({ 'x-served-by': 'cache-fra-1' }), { cdn: 'Fastly' });
  t.equal(cdnOfHeaders({ server: 'nginx', via: '1.1 squid', 'x-served-by': 'web-1' }), undefined);
  t.equal(cdnOfHeaders({ 'cf-ray': 'x'.repeat(500) })?.field.length, 88, 'no longer than a line');
});
