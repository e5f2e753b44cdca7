import t from 'tap';
import { checkPorts } from '../../../src/doctor/checks/ports.ts';
import { examine, idsOf, resolverFor } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';

t.test('ports at every address', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1', 'links IN A 127.0.0.2']);
  const both = [{}, { address: '127.0.0.2' }];
  t.strictSame(idsOf(await checkPorts(await examine(t, { resolver, places: both }))), ['green']);
  const closed = [{ http: null }, { address: '127.0.0.2', https: null }];
  t.match(await checkPorts(await examine(t, { resolver, places: closed })), [
    { id: 'port-http', what: /closed at 127\.0\.0\.1$/, remedy: /open port 80/ },
    { id: 'port-https', what: /closed at 127\.0\.0\.2$/, remedy: /open port 443/ },
  ]);
  t.strictSame(await checkPorts(await examine(t, { resolver, domain: { name: 'no.example.com' } })), []);
});
