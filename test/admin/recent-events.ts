import t from 'tap';
import { createRecentEvents, MOST_EVENTS } from '../../src/admin/recent-events.ts';
import { createEventBus } from '../../src/core/events.ts';
import { fakeClock } from '../helpers/fake-clock.ts';

const start = () => {
  const clock = fakeClock();
  const errors: unknown[] = [];
  const bus = createEventBus((_name, error) => errors.push(error));
  return { clock, bus, errors, events: createRecentEvents(bus, clock) };
};

const ISSUED = {
  domain: 'a.example',
  issuer: 'ca',
  serial: '0a',
  durationMs: 1,
  notAfterMs: Date.UTC(2027, 0, 2),
};

t.test('what a person would want to know of, newest first', async (t) => {
  const { clock, bus, events } = start();
  bus.emit('certificate.issued', ISSUED);
  bus.emit('certificate.issued', { ...ISSUED, isFirst: false });
  bus.emit('certificate.failed', {
    domain: 'b.example',
    issuer: 'ca',
    code: 'ERR_ACME_REFUSED',
    detail: 'no',
    nextAttemptMs: 0,
  });
  bus.emit('certificate.doubted', { domain: 'b.example', code: 'ERR_ACME_REFUSED', detail: 'hm' });
  bus.emit('storage.failed', { code: 'ERR_STORAGE_UNAVAILABLE', message: 'full' });
  bus.emit('worker.exited', { pid: 7, exitCode: null, signal: 'SIGKILL', expected: false });
  bus.emit('worker.exited', { pid: 8, exitCode: 0, signal: null, expected: true });
  const reloaded = { domains: 2, changed: 1, removed: 0, atRestart: [] };
  bus.emit('settings.reloaded', reloaded);
  bus.emit('settings.reloaded', { ...reloaded, domains: 1, atRestart: ['listen.https'] });
  bus.emit('settings.reloaded', { ...reloaded, code: 'ERR_CONFIG_INVALID', message: 'bad line' });
  t.strictSame(
    events.list().map(({ tone, title, domain, detail }) => [tone, title, domain, detail]),
    [
      ['bad', 'Reload refused', undefined, 'the old settings stay: bad line'],
      [
        'plain',
        'Settings reloaded',
        undefined,
        '1 domain, 1 new or changed, 0 gone; at the next start: listen.https',
      ],
      ['plain', 'Settings reloaded', undefined, '2 domains, 1 new or changed, 0 gone'],
      ['bad', 'Worker restarted', undefined, 'process 7 ended by itself (SIGKILL)'],
      ['bad', 'Storage failed', undefined, 'full'],
      ['plain', 'Renewal in doubt', 'b.example', 'hm'],
      ['bad', 'No certificate', 'b.example', 'no'],
      ['good', 'Certificate renewed', 'a.example', 'by ca, valid until 2027-01-02'],
      ['good', 'Certificate issued', 'a.example', 'by ca, valid until 2027-01-02'],
    ],
  );
  t.equal(events.list()[0]?.atMs, clock.now());
});

t.test('bounded, and every listener is called', async (t) => {
  const { bus, events, errors } = start();
  let told = 0;
  const off = events.onAdded(() => (told += 1));
  for (let times = 0; times < MOST_EVENTS + 50; times += 1) {
    bus.emit('storage.failed', { code: 'ERR_STORAGE_UNAVAILABLE', message: 'x'.repeat(10_000) });
  }
  t.equal(events.list().length, MOST_EVENTS);
  t.equal(events.list()[0]?.detail.length, 300);
  t.equal(told, MOST_EVENTS + 50);
  off();
  bus.emit('certificate.issued', ISSUED);
  t.equal(told, MOST_EVENTS + 50);
  events.stop();
  bus.emit('certificate.issued', ISSUED);
  t.equal(events.list().filter(({ domain }) => domain !== undefined).length, 1);
  t.strictSame(errors, []);
});
