import t from 'tap';
import { checkHttps } from '../../../src/doctor/checks/https.ts';
import { examine, idsOf, pki, resolverFor, type Place } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';

t.test('the status by Customer.io’s rules', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1']);
  const check = async (place: Place) => checkHttps(await examine(t, { resolver, places: [place] }));
  t.match(await check({}), [{ level: 'green', what: 'answers 302 over verified TLS' }]);
  t.match(await check({ leaf: pki.leaf(['www.example.org']) }), [
    { id: 'https-failed', evidence: ['ERR_TLS_CERT_ALTNAME_INVALID'] },
  ]);
  t.strictSame(idsOf(await check({ https: (_request, response) => void response.writeHead(502).end() })), [
    'https-failed',
  ]);
  t.strictSame(idsOf(await check({ https: (_request, response) => void response.writeHead(403).end() })), [
    'http-refused',
  ]);
  t.strictSame(idsOf(await check({ https: null })), []);
});
