import t from 'tap';
import { parseTraceparent, requestSpan } from '../../../src/observe/traces/span.ts';
import { EVERY_EVENT } from '../../helpers/every-event.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

t.test('traceparent is read as the W3C says', async (t) => {
  t.strictSame(parseTraceparent(`00-${TRACE}-${SPAN}-01`), { traceId: TRACE, spanId: SPAN, sampled: true });
  t.match(parseTraceparent(`00-${TRACE}-${SPAN}-02`), { sampled: false });
  t.match(parseTraceparent(`cc-${TRACE}-${SPAN}-09-what-comes-later`), { sampled: true });
  for (const wrong of [
    undefined,
    '',
    'x',
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-0`,
  ])
    t.equal(parseTraceparent(wrong), undefined, String(wrong));
});

t.test('a request that ended well, and one that did not', async (t) => {
  const randomHex = (bytes: number): string => 'ab'.repeat(bytes);
  const click = { ...EVERY_EVENT['request.completed'], durationMs: 12.5, upstreamMs: 11 };
  const parent = { traceId: TRACE, spanId: SPAN, sampled: true };
  const bad = requestSpan({ event: click, parent, endMs: 1_763_917_200_000, randomHex });
  t.strictSame(
    { ...bad, attributes: undefined },
    {
      traceId: TRACE,
      spanId: 'ab'.repeat(8),
      parentSpanId: SPAN,
      name: 'GET click',
      kind: 2,
      startTimeUnixNano: '1763917199987500000',
      endTimeUnixNano: '1763917200000000000',
      attributes: undefined,
      status: {},
    },
  );
  t.notMatch(JSON.stringify(bad), 'MARKER', 'no path');
  const good = requestSpan({
    event: { ...click, method: 'BREW', status: 504, errorCode: undefined },
    parent: undefined,
    endMs: 1_763_917_200_000,
    randomHex,
  });
  t.match(good, { traceId: 'ab'.repeat(16), name: 'HTTP click', status: { code: 2 } });
  t.equal(good.parentSpanId, undefined);
  t.match(good.attributes.at(-1), { key: 'error.type', value: { stringValue: '504' } });
});
