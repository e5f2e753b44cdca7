import t from 'tap';
import { isReachable } from '../../src/core/upstream-contact.ts';

t.test('an upstream is down when a worker failed three times and no worker has got through since', (t) => {
  const never = { failures: 0, failedMs: 0, connectedMs: 0 };
  t.equal(isReachable([]), undefined);
  t.equal(isReachable([never, never]), undefined, 'nobody has tried');
  t.equal(isReachable([{ ...never, failures: 2, failedMs: 9 }, never]), true, 'a bad moment');
  t.equal(isReachable([{ ...never, failures: 3, failedMs: 9 }, never]), false);
  t.equal(isReachable([{ failures: 3, failedMs: 9, connectedMs: 5 }]), false, 'it had worked');
  const worksElsewhere = { ...never, connectedMs: 10 };
  t.equal(isReachable([{ failures: 3, failedMs: 9, connectedMs: 5 }, worksElsewhere]), true);
  t.equal(isReachable([{ failures: 3, failedMs: 11, connectedMs: 5 }, worksElsewhere]), false);
  t.end();
});
