import t from 'tap';
import { createNotify } from '../../../src/app/systemd/notify.ts';
import { needs } from '../../helpers/needs.ts';
import { notifySocket } from '../../helpers/notify-socket.ts';

t.test('messages reach the socket one after the other', { skip: needs('systemd-notify') }, async (t) => {
  const { path, heard } = await notifySocket(t);
  const errors: Error[] = [];
  const notify = createNotify({ socket: path, onError: (error) => errors.push(error) });
  await Promise.all([
    notify.send(['READY=1', 'STATUS=two words = one line']),
    notify.send(['RELOADING=1', 'MONOTONIC_USEC=5']),
    notify.send(['STOPPING=1']),
  ]);
  const wanted = ['READY=1', 'STATUS=two words = one line', 'RELOADING=1', 'MONOTONIC_USEC=5', 'STOPPING=1'];
  t.strictSame(
    heard.filter((line) => wanted.includes(line)),
    wanted,
  );
  t.strictSame(errors, []);
});

t.test('without a socket no program runs', async (t) => {
  const program = '/nonexistent/systemd-notify';
  for (const socket of [undefined, '']) {
    const notify = createNotify({ socket, program, onError: () => t.fail('it was run') });
    await t.resolves(notify.send(['READY=1']));
  }
});

t.test('several failures in a row are reported once, and delay no later message', async (t) => {
  const errors: string[] = [];
  const onError = (error: Error) => void errors.push(error.message);
  const absent = createNotify({ socket: '/nonexistent', program: '/nonexistent/systemd-notify', onError });
  await absent.send(['READY=1']);
  await absent.send(['STOPPING=1']);
  t.match(errors, [/ENOENT/]);
  t.equal(errors.length, 1);
});
