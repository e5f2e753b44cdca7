import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import t from 'tap';
import { startDemoTracker } from '../../../src/app/demo/demo-tracker.ts';
import { createPki } from '../../helpers/pki.ts';

t.test('answers as a tracker does', async (t) => {
  const pki = createPki();
  const tracker = await startDemoTracker(pki.leaf(['tracker.linkgate.test']));
  t.teardown(() => tracker.stop());
  const ask = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      get(
        `${tracker.origin}${path}`,
        { ca: pki.rootPem, servername: 'tracker.linkgate.test' },
        (response) => {
          response.resume();
          resolve(response);
        },
      ).on('error', reject);
    });
  const click = (payload: unknown): string =>
    `/e/c/${Buffer.from(JSON.stringify(payload)).toString('base64url')}/00`;

  const good = await ask(click({ href: 'https://www.example.org/a?b=1' }));
  t.equal(good.statusCode, 302);
  t.equal(good.headers.location, 'https://www.example.org/a?b=1');
  t.equal(good.headers['x-robots-tag'], 'noindex, nofollow');
  for (const path of [click({ href: 'no url' }), click(null), '/e/c/%%%', '/e/c/']) {
    t.equal((await ask(path)).headers.location, 'https://www.example.com/', path);
  }
  const open = await ask('/e/o/x');
  t.equal(open.headers['content-type'], 'image/gif');
  t.equal((await ask('/unsubscribe/x')).statusCode, 200);
});
