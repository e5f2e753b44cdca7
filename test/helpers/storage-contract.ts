// What every storage must do, run on each implementation by test/storage/{memory,file}.ts.

import * as fc from 'fast-check';
import type { Test } from 'tap';
import type { Storage } from '../../src/core/storage.ts';

const forever = new AbortController().signal;

/** Runs the contract; `create` gives an empty storage of its own each time. */
export const storageContract = async (
  t: Test,
  create: (t: Test) => Promise<Storage> | Storage,
): Promise<void> => {
  await t.test('a value comes back byte for byte, and can be replaced', async (t) => {
    const storage = await create(t);
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    await storage.write('a/b/c.pem', bytes);
    t.same(await storage.read('a/b/c.pem'), bytes);
    await storage.write('a/b/c.pem', 'text – ü');
    t.equal((await storage.read('a/b/c.pem'))?.toString('utf8'), 'text – ü');
    await storage.write('a/b/c.pem', '');
    t.equal((await storage.read('a/b/c.pem'))?.length, 0);
  });

  await t.test('what is handed in or out is a copy', async (t) => {
    const storage = await create(t);
    const bytes = Buffer.from('first');
    await storage.write('k', bytes);
    bytes.fill(0);
    (await storage.read('k'))?.fill(0);
    t.equal(String(await storage.read('k')), 'first');
  });

  await t.test('absence is undefined or an empty list', async (t) => {
    const storage = await create(t);
    t.equal(await storage.read('nothing'), undefined);
    t.equal(await storage.read('no/such/folder'), undefined);
    t.same(await storage.list('nothing'), []);
    await storage.remove('nothing');
    await storage.remove('no/such/folder');
  });

  await t.test('remove takes away one value', async (t) => {
    const storage = await create(t);
    await storage.write('a/one', '1');
    await storage.write('a/two', '2');
    await storage.remove('a/one');
    t.equal(await storage.read('a/one'), undefined);
    t.equal(String(await storage.read('a/two')), '2');
  });

  await t.test('list gives what is below a prefix, sorted, by whole segments', async (t) => {
    const storage = await create(t);
    for (const key of ['p/b', 'p/a/y', 'p/a/x', 'pp/z', 'q']) await storage.write(key, key);
    const lock = await storage.lock('p', forever);
    t.same(await storage.list('p'), ['p/a/x', 'p/a/y', 'p/b']);
    t.same(await storage.list('p/a'), ['p/a/x', 'p/a/y']);
    t.same(await storage.list('q'), []);
    await lock.release();
  });

  await t.test('a key that breaks the rules is refused before anything is touched', async (t) => {
    const storage = await create(t);
    const bad = ['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', 'a\\b', 'ä', 'a b', '~x', '@locks/x'];
    for (const key of [...bad, 'x'.repeat(254), 'a/'.repeat(8) + 'a', 'a\0b']) {
      for (const act of [
        (): Promise<unknown> => storage.read(key),
        () => storage.write(key, 'x'),
        () => storage.remove(key),
        () => storage.list(key),
      ]) {
        const acting = async (): Promise<void> => {
          await act();
        };
        await t.rejects(acting, { code: 'ERR_INTERNAL' }, JSON.stringify(key));
      }
    }
    await t.rejects(storage.lock('a/b', forever), { code: 'ERR_INTERNAL' });
    await storage.write('x'.repeat(253), 'longest');
    t.equal(String(await storage.read('x'.repeat(253))), 'longest');
  });

  await t.test('it behaves as a map', async (t) => {
    const storage = await create(t);
    const key = fc.constantFrom('a', 'b/c', 'b/d', 'b/e/f', 'g-h_i.j');
    const step = fc.oneof(
      fc.record({ act: fc.constant('write' as const), key, value: fc.uint8Array({ maxLength: 64 }) }),
      fc.record({ act: fc.constant('remove' as const), key, value: fc.constant(new Uint8Array()) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        for (const old of ['a', 'b/c', 'b/d', 'b/e/f', 'g-h_i.j']) await storage.remove(old);
        const model = new Map<string, Buffer>();
        for (const { act, key, value } of steps) {
          if (act === 'write') {
            model.set(key, Buffer.from(value));
            await storage.write(key, Buffer.from(value));
          } else {
            model.delete(key);
            await storage.remove(key);
          }
        }
        const expected = [...model.keys()].filter((key) => key.startsWith('b/')).toSorted();
        if (JSON.stringify(await storage.list('b')) !== JSON.stringify(expected)) return false;
        for (const [key, value] of model)
          if (!value.equals((await storage.read(key)) ?? Buffer.of(1))) return false;
        return true;
      }),
      { numRuns: 30 },
    );
  });

  await t.test('a lock has one holder at a time and passes on when it is given back', async (t) => {
    const storage = await create(t);
    let holders = 0;
    let most = 0;
    let total = 0;
    const work = async (): Promise<void> => {
      const lock = await storage.lock('counter', forever);
      holders += 1;
      most = Math.max(most, holders);
      const before = total;
      await storage.write('total', String(before));
      total = before + 1;
      holders -= 1;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 8 }, work));
    t.equal(most, 1);
    t.equal(total, 8);
  });

  await t.test('locks of different names do not wait for each other', async (t) => {
    const storage = await create(t);
    const one = await storage.lock('one', forever);
    const two = await storage.lock('two', forever);
    t.equal(one.signal.aborted, false);
    await Promise.all([one.release(), two.release()]);
  });

  await t.test('waiting for a lock ends with the signal, and spoils nothing', async (t) => {
    const storage = await create(t);
    const held = await storage.lock('busy', forever);
    const patience = new AbortController();
    const waiting = storage.lock('busy', patience.signal);
    patience.abort(new Error('enough'));
    await t.rejects(waiting, { code: 'ERR_STORAGE_LOCKED' });
    await t.rejects(storage.lock('free', AbortSignal.abort()), { code: 'ERR_STORAGE_LOCKED' });
    await held.release();
    await held.release();
    const next = await storage.lock('busy', forever);
    t.equal(next.signal.aborted, false);
    await next.release();
  });
};
