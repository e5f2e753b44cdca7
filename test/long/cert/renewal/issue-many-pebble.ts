import t from 'tap';
import { needs } from '../../../helpers/needs.ts';
import { orderManyNames } from '../../../helpers/many-names.ts';
import { pebble } from '../../../helpers/pebble.ts';

t.test('200 names at Pebble, a third of the nonces refused', { skip: needs('pebble') }, async (t) => {
  await orderManyNames(t, (httpPort) => pebble(t, { httpPort, nonceReject: 30 }));
});
