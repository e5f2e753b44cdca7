import t from 'tap';
import { classOf, classOfToken } from '../../../src/serve/http/field-classes.ts';

t.test('each kind of field, in any case', async (t) => {
  for (const [name, kind] of [
    ['Connection', 'connection'],
    ['KEEP-ALIVE', 'hop'],
    ['te', 'hop'],
    ['Transfer-Encoding', 'encoding'],
    ['Content-Length', 'length'],
    ['Expect', 'expect'],
    ['host', 'host'],
    ['X-Forwarded-For', 'identity'],
    ['x-forwarded-anything', 'identity'],
    ['X_Forwarded_For', 'identity'],
    ['x.real.ip', 'identity'],
    ['CF-Connecting-IP', 'identity'],
    ['cf_connecting_ip', 'identity'],
    ['True-Client-IP', 'identity'],
    ['X-Client-IP', 'identity'],
    ['Client-IP', 'identity'],
    ['client.ip', 'identity'],
    ['Fastly-Client-IP', 'identity'],
    ['X-Cluster-Client-IP', 'identity'],
    ['X-Original-Forwarded-For', 'identity'],
    ['Strict-Transport-Security', 'policy'],
    ['Cookie', 'pass'],
    ['x_other.name', 'pass'],
  ] as const) {
    t.equal(classOfToken(name), kind, name);
    t.equal(classOfToken(name), kind, `${name}, seen before`);
    t.equal(classOf(name), kind, name);
  }
});

t.test('a name that is no token has no class', async (t) => {
  for (const name of ['', 'a b', 'a:', 'é', 'a\r\n', '(a)']) t.equal(classOfToken(name), undefined, name);
  t.equal(classOf('a b'), 'pass');
});

t.test('more names than the cache holds, and long ones, are classified as well', async (t) => {
  for (let n = 0; n < 1_000; n += 1) t.equal(classOfToken(`x-forwarded-${n}`), 'identity');
  t.equal(classOfToken(`x-forwarded-${'a'.repeat(100)}`), 'identity');
});
