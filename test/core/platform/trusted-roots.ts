import t from 'tap';
import { trustedRoots } from '../../../src/core/platform/trusted-roots.ts';

t.test('the system’s roots, and a private one', async (t) => {
  const system = trustedRoots(undefined);
  t.ok(system.length >= 100 && system.every((pem) => pem.includes('-----BEGIN CERTIFICATE-----')));
  t.strictSame(trustedRoots('private'), [...system, 'private']);
});
