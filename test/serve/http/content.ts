import { PassThrough, type Readable } from 'node:stream';
import t from 'tap';
import { createUploads, requestContent } from '../../../src/serve/http/content.ts';

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

t.test('a large content fills the buffer and waits, and flows when it is read', async (t) => {
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

t.test('above its limit it fails; the client’s stream is not destroyed', async (t) => {
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

t.test('it fails when the client leaves in the middle', async (t) => {
  const source = new PassThrough();
  const content = requestContent(source, 100);
  content.ready(() => undefined);
  source.write('he');
  source.destroy();
  await t.rejects(readAll(content.stream), { code: 'ERR_REQUEST_MALFORMED' });
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('unfinished contents have a number of places', async (t) => {
  const uploads = createUploads(2);
  const went: number[] = [];
  const contents = Array.from({ length: 4 }, () => new PassThrough());
  for (const [i, content] of contents.entries()) uploads.enter(content, () => went.push(i));
  t.same(went, [0, 1]);
  contents[0]?.resume().end();
  await turn();
  t.same(went, [0, 1, 2], 'a place is given back once, at the end');
  contents[1]?.destroy();
  await turn();
  t.same(went, [0, 1, 2, 3], 'or when it breaks off');
});

t.test(
  'contents that close while they wait are forgotten at once, and any number of them is no crash',
  async (t) => {
    const uploads = createUploads(1, 2);
    const [first, second, third, fourth] = Array.from({ length: 4 }, () => new PassThrough());
    if (!first || !second || !third || !fourth) throw new Error('four were made');
    const gone = (): boolean => t.fail('it has gone');
    uploads.enter(first, () => undefined);
    uploads.enter(second, gone);
    uploads.enter(third, gone);
    t.throws(() => uploads.enter(fourth, gone), { code: 'ERR_UPSTREAM_BUSY' });
    second.destroy();
    await turn();
    const served: Readable[] = [];
    uploads.enter(fourth, () => served.push(fourth));
    third.destroy();
    first.destroy();
    await turn();
    t.same(served.length, 1);

    const sudden = createUploads(1);
    const [holding, leaving] = [new PassThrough(), new PassThrough()];
    sudden.enter(holding, () => undefined);
    sudden.enter(leaving, gone);
    leaving.destroy();
    // before that one's own close is heard
    holding.emit('end');

    const many = createUploads(1, 20_000);
    const holder = new PassThrough();
    many.enter(holder, () => undefined);
    let lost = 0;
    const all = Array.from({ length: 20_000 }, () => new PassThrough());
    for (const content of all) {
      many.enter(content, () => {
        lost += 1;
        content.emit('close');
      });
    }
    holder.destroy();
    await turn();
    t.equal(lost, 20_000, 'one after the other, not one inside the other');
  },
);
