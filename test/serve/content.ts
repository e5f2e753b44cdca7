import { PassThrough } from 'node:stream';
import t from 'tap';
import { createUploads, requestContent } from '../../src/serve/content.ts';

const readAll = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  let text = '';
  for await (const chunk of stream) text += chunk.toString();
  return text;
};

t.test('a small content is whole before anything is asked of the tracker', async (t) => {
  const source = new PassThrough();
  const content = requestContent(source, 100);
  const whole = new Promise((resolve) => content.ready(resolve));
  source.write('hel');
  source.end('lo');
  t.equal(await whole, true);
  t.equal(content.stream.readableLength, 5, 'its length is known');
  t.equal(await readAll(content.stream), 'hello');
});

t.test('a large one waits with as much as may wait, and flows when it is read', async (t) => {
  const source = new PassThrough();
  const content = requestContent(source, 1024 ** 2);
  const whole = new Promise((resolve) => content.ready(resolve));
  let sent = 0;
  while (source.write(Buffer.alloc(8_192, 'x')) && sent < 1024 ** 2) sent += 8_192;
  t.equal(await whole, false);
  t.ok(content.stream.readableLength < 128 * 1024);
  source.end();
  t.ok((await readAll(content.stream)).length > 0);
});

t.test('past its limit it fails; the client’s stream is left alone', async (t) => {
  const source = new PassThrough();
  const content = requestContent(source, 4);
  content.ready(() => t.fail('never ready'));
  source.write('hello');
  await t.rejects(readAll(content.stream), { code: 'ERR_REQUEST_BODY_TOO_LARGE' });
  t.notOk(source.destroyed);
  const other = new PassThrough();
  requestContent(other, 4).stream.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(other.destroyed);
});

t.test('a client that leaves in the middle fails it', async (t) => {
  const source = new PassThrough();
  const content = requestContent(source, 100);
  content.ready(() => undefined);
  source.write('he');
  source.destroy();
  await t.rejects(readAll(content.stream), { code: 'ERR_REQUEST_MALFORMED' });
});

t.test('places for contents that still arrive', (t) => {
  const uploads = createUploads(2);
  const leaves: (() => void)[] = [];
  for (let i = 0; i < 4; i += 1) uploads.enter((leave) => leaves.push(leave));
  t.equal(leaves.length, 2);
  leaves[0]?.();
  leaves[0]?.();
  t.equal(leaves.length, 3, 'a place is given back once');
  leaves[1]?.();
  t.equal(leaves.length, 4);
  t.end();
});
