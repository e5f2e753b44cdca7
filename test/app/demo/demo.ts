import { existsSync } from 'node:fs';
import t from 'tap';
import { startDemo } from '../../../src/app/demo/demo.ts';
import { clickHttp1 } from '../../helpers/click.ts';

t.test('is live when it resolves, and leaves nothing behind', async (t) => {
  const any = { host: '127.0.0.1', port: 0 };
  const demo = await startDemo({ https: any, http: any, admin: any, logLevel: 'silent' });
  t.teardown(() => demo.stop());
  const { domain, caPem, caFile, addresses } = demo;
  t.ok(existsSync(caFile));
  t.match(
    await clickHttp1({ port: addresses.https.port, domain, ca: caPem, path: '/e/c/e30/00' }),
    /^HTTP\/1\.1 302 /,
  );
  await demo.stop();
  t.notOk(existsSync(caFile));
  await t.rejects(
    startDemo({ https: { host: '192.0.2.1', port: 0 }, http: any, admin: any, logLevel: 'silent' }),
    {
      code: 'ERR_LISTEN_UNAVAILABLE',
    },
  );
});
