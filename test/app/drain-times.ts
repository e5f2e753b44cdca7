import t from 'tap';
import { handedOver, withoutSuccessor } from '../../src/app/drain-times.ts';
import { PACKAGED, systemdUnits } from '../../src/app/systemd/units.ts';
import { withDefaults } from '../../src/serve/limits.ts';

t.test('the times fit into each other, into the limits and into the unit', (t) => {
  const limits = withDefaults(undefined);
  const { graceMs } = handedOver(20_000);
  t.equal(graceMs, limits.headersMs, 'a worker that goes gives a slow client what one that stays gives');
  t.equal(graceMs, limits.tlsHandshakeMs);
  t.strictSame(withoutSuccessor(20_000), { timeoutMs: 20_000, graceMs: 3_000 });
  for (const times of [handedOver, withoutSuccessor])
    t.strictSame(times(1_000), { timeoutMs: 1_000, graceMs: 1_000 }, 'never longer than the whole');
  for (const drainMs of [1_000, 20_000, 600_000]) {
    const unit = systemdUnits({ ...PACKAGED, drainMs }).find(({ name }) => name === 'linkgate.service');
    const seconds = Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit?.text ?? '')?.[1]);
    // a worker is killed a second after its time, and a process that orders a certificate may finish a write
    t.ok(seconds * 1_000 > drainMs + 10_000, `${seconds} s`);
  }
  t.end();
});
