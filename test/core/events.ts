import t from 'tap';
import { LinkgateError } from '../../src/core/errors.ts';
import { createEventBus, reportStorageFailure, type EventName } from '../../src/core/events.ts';

const strictBus = () =>
  createEventBus((name, error) => {
    throw new Error(`a listener of ${name} threw`, { cause: error });
  });

t.test('listeners of a name hear its events, in the order they came', async (t) => {
  const bus = strictBus();
  const heard: string[] = [];
  bus.on('worker.started', ({ pid }) => heard.push(`first ${pid}`));
  bus.on('worker.started', ({ pid }) => heard.push(`second ${pid}`));
  bus.on('storage.failed', () => heard.push('other'));
  bus.emit('worker.started', { pid: 1 });
  bus.emit('worker.started', { pid: 2 });
  t.strictSame(heard, ['first 1', 'second 1', 'first 2', 'second 2']);
});

t.test('an event nobody hears is no error', async (t) => {
  t.doesNotThrow(() => strictBus().emit('worker.started', { pid: 1 }));
});

t.test('a listener that throws is reported once and stops neither the others nor the teller', async (t) => {
  const reports: [EventName, unknown][] = [];
  const bus = createEventBus((name, error) => reports.push([name, error]));
  const heard: number[] = [];
  const problem = new Error('broken listener');
  bus.on('worker.started', ({ pid }) => heard.push(pid));
  bus.on('worker.started', () => {
    throw problem;
  });
  bus.on('worker.started', ({ pid }) => heard.push(pid * 10));
  t.doesNotThrow(() => bus.emit('worker.started', { pid: 7 }));
  t.strictSame(heard, [7, 70]);
  t.equal(reports.length, 1);
  t.equal(reports[0]?.[0], 'worker.started');
  t.equal(reports[0]?.[1], problem, 'the error itself');
});

t.test('a removed listener hears nothing more; the same one added twice is removed once', async (t) => {
  const bus = strictBus();
  const heard: number[] = [];
  const listener = ({ pid }: { pid: number }): void => {
    heard.push(pid);
  };
  const off = bus.on('worker.started', listener);
  bus.on('worker.started', listener);
  bus.emit('worker.started', { pid: 1 });
  off();
  off();
  bus.emit('worker.started', { pid: 2 });
  t.strictSame(heard, [1, 1, 2]);
});

t.test('who comes or goes during an event does not disturb it', async (t) => {
  const bus = strictBus();
  const heard: string[] = [];
  const off = bus.on('worker.started', () => {
    heard.push('once');
    off();
    bus.on('worker.started', () => heard.push('late'));
  });
  bus.on('worker.started', () => heard.push('steady'));
  bus.emit('worker.started', { pid: 1 });
  t.strictSame(heard, ['once', 'steady']);
  bus.emit('worker.started', { pid: 2 });
  t.strictSame(heard, ['once', 'steady', 'steady', 'late']);
});

t.test('two buses know nothing of each other', async (t) => {
  const [one, other] = [strictBus(), strictBus()];
  one.on('worker.started', () => t.fail('heard the other bus'));
  other.emit('worker.started', { pid: 1 });
});

t.test('a storage call that failed is reported by code and message, whatever was thrown', async (t) => {
  const bus = strictBus();
  const heard: unknown[] = [];
  bus.on('storage.failed', (event) => heard.push(event));
  reportStorageFailure(bus.emit, new LinkgateError('ERR_STORAGE_LOCKED', 'lock is held'));
  reportStorageFailure(bus.emit, new Error('disk full'));
  t.strictSame(heard, [
    { code: 'ERR_STORAGE_LOCKED', message: 'lock is held' },
    { code: 'ERR_STORAGE_UNAVAILABLE', message: 'disk full' },
  ]);
});
