// Each framing, ended at each of its bytes, in each way in which a connection ends, while the reader takes all or pauses: what is whole
// is told to be whole, and nothing else is.

import t from 'tap';
import { scriptedTracker, onRequestHead } from '../../../helpers/tracker.ts';
import { until } from '../../../helpers/until.ts';
import { send, upstreamTo } from '../../../helpers/upstream-client.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
/** A response, how long its head is, and how much of it is a whole response; none: it ends with the connection. */
interface Framing {
  readonly text: string;
  readonly content: string;
  readonly untilEnd?: true;
}
const FRAMINGS: Readonly<Record<string, Framing>> = {
  length: { text: `${OK}Content-Length: 5\r\n\r\nhello`, content: 'hello' },
  chunked: { text: `${OK}Transfer-Encoding: chunked\r\n\r\n2;x\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n`, content: 'hello' },
  'until end': { text: `${OK}\r\nhello`, content: 'hello', untilEnd: true },
  'HTTP/1.0': { text: 'HTTP/1.0 200 OK\r\n\r\nhello', content: 'hello', untilEnd: true },
  'HTTP/1.0 with length': { text: 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', content: 'hello' },
  '304': { text: 'HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n', content: '' },
  '204 behind 100': { text: 'HTTP/1.1 100 C\r\n\r\nHTTP/1.1 204 X\r\n\r\n', content: '' },
}; // prettier-ignore
const ENDS = ['stays', 'close_notify', 'half-close', 'FIN', 'RST'] as const;
const AT_ONCE = 24;

interface Case {
  readonly framing: string;
  readonly end: (typeof ENDS)[number];
  readonly cut: number;
  readonly pauses: boolean;
}

/** `stays` is the split: the rest follows in a record of its own. All others end at the cut. */
const cases = (): Case[] => {
  const all: Case[] = [];
  for (const [framing, { text, untilEnd }] of Object.entries(FRAMINGS))
    for (const end of ENDS)
      for (let cut = 1; cut <= text.length; cut += 1)
        for (const pauses of [false, true])
          if (end !== 'stays' || untilEnd === undefined) all.push({ framing, end, cut, pauses });
  return all;
};

const expectedOf = ({ framing, end, cut }: Case): 'whole' | 'cut' | 'either' => {
  const { text, untilEnd } = FRAMINGS[framing] as Framing;
  const head = text.indexOf('\r\n\r\n', framing === '204 behind 100' ? 19 : 0) + 4;
  if (end === 'stays') return 'whole';
  if (untilEnd === true)
    return (end === 'close_notify' || end === 'half-close') && cut >= head ? 'whole' : 'cut';
  if (cut < text.length) return 'cut';
  // a reset may overtake what was sent before it
  return end === 'RST' ? 'either' : 'whole';
};

t.test('at every byte', async (t) => {
  const ended = new Set<string>();
  const target = await scriptedTracker(
    t,
    (socket, _connection, reset, below) => {
      let path = '';
      socket.on('end', () => socket.destroy()).on('close', () => ended.add(path));
      onRequestHead(socket, (head) => {
        path = head.split(' ', 2)[1] ?? '';
        const [, framing = '', end = '', cut = ''] = path.split('/').map(decodeURIComponent);
        const bytes = (FRAMINGS[framing] as Framing).text;
        const done = (): void => void ended.add(path);
        const first = bytes.slice(0, Number(cut));
        if (end === 'stays') {
          socket.write(first, () => setImmediate(() => socket.write(bytes.slice(Number(cut)), done)));
        } else if (end === 'close_notify') socket.end(first, () => socket.destroy());
        else if (end === 'half-close') socket.end(first, done);
        else socket.write(first, () => (end === 'RST' ? reset() : below?.destroy()));
      });
    },
    { allowHalfOpen: true },
  );
  const upstream = upstreamTo(t, target, { use: { maxConnections: AT_ONCE } });
  const wrong: string[] = [];
  const one = async (number: number, each: Case): Promise<void> => {
    const path = `/${encodeURIComponent(each.framing)}/${each.end}/${each.cut}/${number}`;
    let control: { resume(): void } | undefined;
    let isFirst = true;
    const got = await send(upstream, 'a', {
      // a GET: a connection whose reset was on its way while it was idle must not disturb the next case
      target: path,
      onControl: (given) => (control = given),
      onData: () => {
        if (!each.pauses || !isFirst) return true;
        isFirst = false;
        void until('the tracker has ended it', () => ended.has(path)).then(() => control?.resume());
        return false;
      },
    });
    const { content } = FRAMINGS[each.framing] as Framing;
    const expected = expectedOf(each);
    const is = got.error === undefined ? 'whole' : 'cut';
    const isRight =
      (expected === 'either' || is === expected) &&
      (is === 'cut' || FRAMINGS[each.framing]?.untilEnd === true
        ? content.startsWith(got.body)
        : got.body === content);
    if (!isRight) wrong.push(`${JSON.stringify(each)}: ${is} ${got.body} ${got.error?.message}`);
  };
  const all = cases();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let each = all[next]; each !== undefined; each = all[next]) {
      next += 1;
      await one(next, each);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  t.strictSame(wrong, [], `${all.length} cases`);
  t.match(upstream.counts(), { active: 0, waiting: 0 });
});
