// W3C Trace Context goes through as it came, whatever it says; the event knows what came, where it is one.

import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const STATE = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';

t.test('traceparent and tracestate reach the tracker untouched', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const cases: readonly (readonly [string, string[], string | undefined])[] = [
    ['one', [`traceparent: ${PARENT}`, `tracestate: ${STATE}`], PARENT],
    ['as it was spelled', [`TraceParent: ${PARENT}`, 'TraceState: a=1', 'TraceState: b=2'], PARENT],
    ['wrong ones too', ['traceparent: rubbish', 'tracestate: =;='], 'rubbish'],
    ['two are none', [`traceparent: ${PARENT}`, `traceparent: ${PARENT}`], undefined],
    ['none', [], undefined],
  ];
  const traceFields = (raw: readonly string[] = []): string[] =>
    raw.flatMap((name, i) => (i % 2 === 0 && /^trace/i.test(name) ? [`${name}: ${raw[i + 1]}`] : []));
  for (const [what, fields, known] of cases) {
    const lines = fields.map((field) => `${field}\r\n`).join('');
    await worker.raw(`GET /e/c/x HTTP/1.1\r\nHost: links.example.com\r\n${lines}Connection: close\r\n\r\n`);
    t.strictSame(traceFields(seen.requests.at(-1)?.rawHeaders), fields, what);
    t.equal(worker.heard('request.completed').at(-1)?.traceparent, known);
  }
  await ask(await worker.h2(), { traceparent: PARENT, tracestate: STATE });
  t.strictSame(
    traceFields(seen.requests.at(-1)?.rawHeaders),
    [`traceparent: ${PARENT}`, `tracestate: ${STATE}`],
    'HTTP/2',
  );
});
