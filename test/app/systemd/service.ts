import { createServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { createService, statusLine } from '../../../src/app/systemd/service.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { CertificateState } from '../../../src/core/certificate-state.ts';
import { until } from '../../helpers/until.ts';

t.test('the status counts the names', async (t) => {
  t.equal(statusLine(['live', 'failing', 'live']), '3 names: 2 live, 1 failing');
  t.equal(statusLine(['pending']), '1 name: 1 pending');
  t.equal(statusLine([]), '0 names: none served');
});

t.test('ready, status, watchdog, reload, stop', async (t) => {
  let alive = true;
  const server = createServer((socket) => {
    if (alive) socket.end('HTTP/1.1 501 Not Implemented\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const sent: string[] = [];
  const notify = { send: async (lines: readonly string[]) => void sent.push(...lines) };
  const fed = (): number => sent.filter((line) => line === 'WATCHDOG=1').length;
  const states: CertificateState[] = ['pending'];
  const service = createService({ notify, clock: systemClock, watchdogUsec: '80000', statusMs: 10 });
  await service.started({ addresses: { http: { host: '127.0.0.1', port } }, states: () => states });
  t.strictSame(sent.slice(0, 2), ['READY=1', 'STATUS=1 name: 1 pending']);
  await until('it is fed', () => fed() > 2);

  alive = false;
  // one that was answered before may still be on its way
  await until('it is fed no more', async () => {
    const before = fed();
    await systemClock.sleep(200);
    return fed() === before;
  });
  alive = true;
  const before = fed();
  await until('it is fed again', () => fed() > before);

  states[0] = 'live';
  await until('the status follows', () => sent.includes('STATUS=1 name: 1 live'));
  t.equal(sent.filter((line) => line.startsWith('STATUS=')).length, 2, 'told when it changed');

  sent.length = 0;
  t.equal(await service.reloading(async () => (states.push('pending'), 5)), 5);
  const about = sent.filter((line) => line !== 'WATCHDOG=1');
  t.match(about, ['RELOADING=1', /^MONOTONIC_USEC=\d+$/, 'READY=1', 'STATUS=2 names: 1 live, 1 pending']);
  await t.rejects(
    service.reloading(async () => Promise.reject(new Error('bad file'))),
    /bad file/,
  );
  t.equal(sent.filter((line) => line === 'READY=1').length, 2, 'ready again all the same');

  await service.stopping();
  const atStop = sent.length;
  t.match(sent.slice(-2), ['STOPPING=1', /^STATUS=/]);
  await systemClock.sleep(100);
  t.equal(sent.length, atStop, 'nothing after that');
});

t.test('nothing is fed without a watchdog, or where its time cannot be read', async (t) => {
  for (const watchdogUsec of [undefined, '', '0', '-5', '1e3', 'soon']) {
    const sent: string[] = [];
    const notify = { send: async (lines: readonly string[]) => void sent.push(...lines) };
    const service = createService({ notify, clock: systemClock, watchdogUsec });
    await service.started({ addresses: { http: { host: '127.0.0.1', port: 1 } }, states: () => [] });
    await service.stopping();
    t.notOk(sent.includes('WATCHDOG=1'), String(watchdogUsec));
  }
});
