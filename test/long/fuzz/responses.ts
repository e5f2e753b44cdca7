// Mutated responses, read by our reader and by Node's own client: the same message, or an error of one of the two, never another
// message. A few thousand among the other tests, 100,000 by `npm run fuzz`; RESPONSES and SEED choose another number and seed.

import * as fc from 'fast-check';
import t from 'tap';
import { readResponse, readResponseByNode, type ReadResponse } from '../../helpers/read-response.ts';

const RUNS = Number(
  process.env['RESPONSES'] ?? (process.env['FUZZ_SECONDS'] === undefined ? 3_000 : 100_000),
);
const SEED = process.env['SEED'];

const OK = 'HTTP/1.1 200 OK\r\n';
const SEEDS = [
  `HTTP/1.1 302 Found\r\nLocation: https://www.example.com/\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n`,
  `${OK}Content-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world`,
  `${OK}Transfer-Encoding: chunked\r\nX-A: b\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: z\r\n\r\n`,
  `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n00b\r\nhello world\r\n0\r\n\r\n`,
  `${OK}Connection: close\r\n\r\nuntil the end`,
  'HTTP/1.0 200 OK\r\nServer: old\r\n\r\nuntil the end',
  `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
  `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n${OK}Content-Length: 2\r\nKeep-Alive: timeout=5\r\n\r\nok`,
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n',
  `${OK}Content-Length: 2\r\n\r\nok${OK}Content-Length: 6\r\n\r\nsecond`,
  `HTTP/1.1 404 Not Found\r\nX-Long: ${'y'.repeat(300)}\r\nContent-Length: 3\r\n\r\nno!`,
];
const WORDS = [
  '\r\n', '\n', '\r', '\r\n\r\n', ' ', '\t', ':', ';', ',', '\0', '\x01', '\x7f', '\xff', '0', '5', 'a', 'F',
  'Content-Length: 5\r\n', 'Content-Length: 2\r\n', 'content-length:11\r\n', 'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip\r\n', 'Transfer-Encoding : chunked\r\n', 'Connection: close\r\n', 'Connection: upgrade\r\n',
  'chunked', ', chunked', '0\r\n\r\n', '\r\n ', 'X: y\r\n', OK, 'HTTP/1.0', 'HTTP/1.1 ', '100', '204', '304', '101',
]; // prettier-ignore

const edit = fc.record({
  at: fc.nat(),
  remove: fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, fc.nat(40)),
  insert: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('', ...WORDS) },
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  ),
});
const example = fc.record({
  method: fc.constantFrom('GET', 'GET', 'HEAD', 'POST'),
  seed: fc.constantFrom(...SEEDS),
  edits: fc.array(edit, { minLength: 1, maxLength: 4 }),
  cuts: fc.array(fc.nat(), { maxLength: 4 }),
});

const mutated = (seed: string, edits: readonly { at: number; remove: number; insert: string }[]): Buffer => {
  let text = seed;
  for (const { at, remove, insert } of edits) {
    const from = at % (text.length + 1);
    text = text.slice(0, from) + insert + text.slice(from + remove);
  }
  return Buffer.from(text, 'latin1');
};

const split = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
};

const isWhole = ({ end }: ReadResponse): boolean => end === 'whole' || end === 'until end';

/** The fields that both kept; a name that one of them dropped is compared nowhere, and `02` is the length `2`. */
const fieldsOf = ({ fields }: ReadResponse, other: ReadResponse): string => {
  const nameAt = (all: readonly string[], i: number): string => all[i - (i % 2)]?.toLowerCase() ?? '';
  const names = new Set(other.fields.map((_, i) => nameAt(other.fields, i)));
  const kept = fields.flatMap((text, i) => {
    const name = nameAt(fields, i);
    if (!names.has(name)) return [];
    return [i % 2 === 0 ? name : name === 'content-length' ? String(Number(text)) : text];
  });
  return JSON.stringify(kept);
};

/** What differs; undefined when both read the same, or one of them refuses. */
const difference = (ours: ReadResponse, nodes: ReadResponse): string | undefined => {
  if (!isWhole(ours) || !isWhole(nodes)) return undefined;
  if (ours.status !== nodes.status) return 'status';
  if (ours.content !== nodes.content) return 'content';
  return fieldsOf(ours, nodes) === fieldsOf(nodes, ours) ? undefined : 'fields';
};

t.test(`${RUNS} mutated responses`, { timeout: 1_800_000 }, async (t) => {
  const seen = { both: 0, ours: 0, nodes: 0, neither: 0 };
  const property = fc.asyncProperty(example, async ({ method, seed, edits, cuts }) => {
    const pieces = split(mutated(seed, edits), cuts);
    const ours = readResponse(method, pieces);
    const nodes = await readResponseByNode(method, pieces);
    const key = isWhole(ours) ? (isWhole(nodes) ? 'both' : 'ours') : isWhole(nodes) ? 'nodes' : 'neither';
    seen[key] += 1;
    const what = difference(ours, nodes);
    if (what !== undefined) throw new Error(`${what}: ${JSON.stringify({ ours, nodes })}`);
  });
  const result = await fc.check(property, {
    numRuns: RUNS,
    ...(SEED === undefined ? {} : { seed: Number(SEED) }),
  });
  if (result.failed) t.fail((await fc.asyncDefaultReportMessage(result)) ?? 'property failed');
  else t.pass(`held for ${result.numRuns} responses, seed ${result.seed}`);
  t.comment(
    `whole for both ${seen.both}, for us alone ${seen.ours}, for Node alone ${seen.nodes}, for neither ${seen.neither}`,
  );
  t.ok(result.failed || seen.both > RUNS / 10, 'many are whole for both');
});
