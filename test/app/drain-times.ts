import t from 'tap';
import { DRAIN_MS, HANDED_OVER, STOP_GRACE_MS } from '../../src/app/drain-times.ts';
import { PACKAGED, systemdUnits } from '../../src/app/systemd-units.ts';
import { withDefaults } from '../../src/serve/limits.ts';

t.test('the times fit into each other, into the limits and into the unit', (t) => {
  const limits = withDefaults(undefined);
  t.equal(
    HANDED_OVER.graceMs,
    limits.headersMs,
    'a gate that goes gives a slow client what one that stays gives',
  );
  t.equal(HANDED_OVER.graceMs, limits.tlsHandshakeMs);
  t.ok(HANDED_OVER.graceMs < HANDED_OVER.timeoutMs);
  t.ok(STOP_GRACE_MS < HANDED_OVER.graceMs);
  const unit = systemdUnits(PACKAGED).find(({ name }) => name === 'linkgate.service')?.text ?? '';
  const seconds = Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)?.[1]);
  // a gate is killed a second after its time, and whoever orders a certificate is let finish a write
  t.ok(seconds * 1_000 > DRAIN_MS + 10_000, `${seconds} s`);
  t.end();
});
