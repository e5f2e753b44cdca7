import t from 'tap';
import { examine, resolverFor } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';

t.test('each fact is fetched once, of every address, IPv6 first', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1', 'links IN AAAA ::1']);
  let requests = 0;
  const https = (_request: unknown, response: { end(): unknown }): void => {
    requests += 1;
    response.end();
  };
  const examination = await examine(t, { resolver, places: [{ https }, { https, address: '::1' }] });
  const [first, second] = await Promise.all([examination.https(), examination.https()]);
  t.equal(first, second);
  t.strictSame(
    first.map(({ address }) => address),
    ['::1', '127.0.0.1'],
  );
  t.equal(requests, 2);
  t.equal(await examination.names(), await examination.names());
  t.match(await examination.probeUpstream(), { connected: false, failure: 'ECONNREFUSED' });
});
