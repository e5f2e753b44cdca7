import t from 'tap';
import { faultOf, readAnswer, requestText, targetOf } from '../../../bench/load/click.ts';
import { locationOf } from '../../../bench/upstream.ts';

const name = 'links.d000000.example';

t.test('no two clicks have the same path', async (t) => {
  t.not(targetOf(0, 11), targetOf(0, 12));
  t.not(targetOf(1, 1), targetOf(11, 1));
  t.match(
    requestText(name, targetOf(0, 1)),
    /^GET \/e\/c\/\S+ HTTP\/1\.1\r\nhost: links\.d000000\.example\r\n/,
  );
});

const answer = (fields: string, body: string): string => `HTTP/1.1 302 Found\r\n${fields}\r\n${body}`;

t.test('an answer is read when it is whole', async (t) => {
  const whole = answer('Location: https://shop.example/\r\nContent-Length: 4\r\n', 'body');
  for (let length = 0; length < whole.length; length += 1)
    if (readAnswer(whole.slice(0, length)) !== undefined) t.fail(`${length} bytes are no answer`);
  const expected = { status: 302, location: 'https://shop.example/', length: whole.length, isLast: false };
  t.strictSame(readAnswer(whole), expected);
  t.strictSame(readAnswer(`${whole}HTTP/1.1 200`), expected, 'what follows is not part of it');
});

t.test('chunked answers have an end too', async (t) => {
  const whole = answer('location: /x\r\ntransfer-encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n');
  t.equal(readAnswer(whole.slice(0, -1)), undefined);
  t.strictSame(readAnswer(whole), {
    status: 302,
    location: '/x',
    length: whole.length,
    isLast: false,
  });
});

t.test('an answer says when it is the last of its connection', async (t) => {
  const whole = answer('location: /x\r\nContent-Length: 0\r\nConnection: close\r\n', '');
  t.match(readAnswer(whole), { isLast: true });
});

t.test('an answer whose end cannot be found is a fault', async (t) => {
  t.equal(readAnswer(answer('location: /x\r\n', '')), 'framing');
  t.equal(readAnswer(answer('transfer-encoding: chunked\r\n', 'zz\r\n')), 'framing');
  t.equal(readAnswer('SSH-2.0\r\ncontent-length: 0\r\n\r\n'), 'framing');
});

t.test("another's answer is none", async (t) => {
  const target = targetOf(0, 5);
  const right = { status: 302, location: locationOf(name, target) };
  t.equal(faultOf(right, name, target), undefined);
  t.equal(faultOf({ ...right, status: 502 }, name, target), 'status');
  t.equal(faultOf(right, 'links.d000001.example', target), 'location');
  t.equal(faultOf(right, name, targetOf(0, 6)), 'location');
  t.equal(faultOf({ status: 302, location: undefined }, name, target), 'location');
});
