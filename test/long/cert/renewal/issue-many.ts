import t from 'tap';
import { acmeCa } from '../../../helpers/acme-ca.ts';
import { orderManyNames } from '../../../helpers/many-names.ts';

t.test('200 names at the CA of these tests, a third of the nonces refused', async (t) => {
  await orderManyNames(t, (httpPort) => acmeCa(t, { httpPort, nonceReject: 30 }));
});
