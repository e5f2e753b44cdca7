import * as fc from 'fast-check';
import t from 'tap';
import { CLICK_KINDS, clickKind } from '../../src/observe/request-kind.ts';

for (const [target, kind] of [
  ['/e/c/eyJlbWFpbF9pZCI6IlJ/0123abcd', 'click'],
  ['/e/c/eyJlbWFpbF9pZCI6IlJQSUgifQ%3D%3D', 'click'],
  ['/e/o/eyJlbWFpbF9pZCI6IlJQSUgifQ==', 'open'],
  ['/unsubscribe/RPIHBAA=', 'unsubscribe'],
  ['/deliveries/RPIHBAA%3D?x=/e/c/', 'view'],
  ['/manage_subscription_preferences/RPI=', 'preferences'],
  ['/', 'other'],
  ['', 'other'],
  ['*', 'other'],
  ['/e/c', 'other'],
  ['/E/C/x', 'other'],
  ['//e/c/x', 'other'],
  ['/%65/c/x', 'other'],
  ['/.well-known/acme-challenge/x', 'other'],
  ['https://links.example.com/e/c/x', 'other'],
] as const) {
  t.equal(clickKind(target), kind, JSON.stringify(target));
}

t.test('any target has one of the kinds', async () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (target) => CLICK_KINDS.includes(clickKind(target))));
});
