import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CaAccess } from '../../../src/cert/acme/ca-access.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { scriptedCa } from '../../helpers/scripted-ca.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { until } from '../../helpers/until.ts';

const forever = new AbortController().signal;

const setUp = async (t: Test) => {
  const ca = await scriptedCa(t);
  const clock = fakeClock();
  const access = new CaAccess({ settings: ca, clock, requestTimeoutMs: 30_000 });
  const asked = (): number => ca.requests.filter((line) => line === 'GET /directory').length;
  return { ca, clock, access, asked };
};

t.test('the directory is asked for once an hour, by everybody together', async (t) => {
  const { access, clock, asked } = await setUp(t);
  const found = await Promise.all([access.directory(forever), access.directory(forever)]);
  t.match(found[0], { newNonce: /^https:/ });
  t.equal(found[0], found[1]);
  clock.jump(clock.now() + 3_599_999);
  await access.directory(forever);
  t.equal(asked(), 1);
  clock.jump(clock.now() + 1);
  await access.directory(forever);
  t.equal(asked(), 2);
  clock.jump(clock.now() - 86_400_000);
  await access.directory(forever);
  t.equal(asked(), 3, 'a clock that went back');
});

t.test('a failure is not kept', async (t) => {
  const { ca, access } = await setUp(t);
  ca.script.set('/directory', () => 'reset');
  await t.rejects(access.directory(forever), { code: 'ERR_ACME_UNREACHABLE' });
  ca.script.delete('/directory');
  t.match(await access.directory(forever), { newNonce: /^https:/ });
});

t.test('a caller that stops waiting does not end the request of the others', async (t) => {
  const { ca, access, asked } = await setUp(t);
  const stop = new AbortController();
  const first = access.directory(stop.signal);
  const second = access.directory(forever);
  stop.abort(new Error('stopping'));
  await t.rejects(first, { message: 'stopping' });
  t.match(await second, { newNonce: /^https:/ });
  t.equal(asked(), 1);
  await t.rejects(access.directory(stop.signal), { message: 'stopping' });
  t.same(ca.requests, ['GET /directory']);
});

t.test('a caFile that changes is trusted from the next connection on', async (t) => {
  const { ca, clock } = await setUp(t);
  const other = await scriptedCa(t);
  const caFile = join(tempDir(t), 'ca.pem');
  writeFileSync(caFile, readFileSync(other.caFile));
  const settings = { directory: ca.directory, caFile };
  const access = new CaAccess({ settings, clock, requestTimeoutMs: 30_000 });
  await t.rejects(access.directory(forever), { message: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/ });
  writeFileSync(caFile, readFileSync(ca.caFile));
  t.match(await access.directory(forever), { newNonce: /^https:/ });
});

t.test('connections are closed when their work has ended, well or not', async (t) => {
  const { ca, access } = await setUp(t);
  const work = async (outcome: () => unknown): Promise<unknown> =>
    access.connect(forever, async (transport) => {
      await transport.request(ca.directory, 'get');
      t.equal(await ca.connections(), 1);
      return outcome();
    });
  t.equal(await work(() => 'done'), 'done');
  await until('it is closed', async () => (await ca.connections()) === 0);
  const broken = work(() => {
    throw new Error('broken');
  });
  await t.rejects(broken, { message: 'broken' });
  await until('it is closed', async () => (await ca.connections()) === 0);
});
