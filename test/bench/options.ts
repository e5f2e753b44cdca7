import t from 'tap';
import { parseOptions } from '../../bench/options.ts';

const TARGETS = ['linkgate', 'caddy'];

t.test('everything, unless told otherwise', async (t) => {
  const options = parseOptions([], TARGETS);
  t.match(options, {
    modes: ['fresh', 'resumed', 'keepalive-h1', 'keepalive-h2', 'open'],
    parts: ['workers', 'many', 'idle', 'issuance'],
    targets: undefined,
    domains: [1_000, 10_000, 100_000],
    warmUpMs: 20_000,
    isResumed: false,
  });
});

t.test('quick is the main table alone; a word names what is measured', async (t) => {
  t.match(parseOptions(['--quick'], TARGETS), { parts: [], rounds: 2 });
  t.match(
    parseOptions(['--only', 'keepalive-h1,fresh,idle', '--targets', 'caddy', '--rounds', '3'], TARGETS),
    {
      modes: ['fresh', 'keepalive-h1'],
      parts: ['idle'],
      targets: ['caddy'],
      rounds: 3,
    },
  );
});

t.test('unknown words are refused', async (t) => {
  t.throws(() => parseOptions(['--only', 'freshh'], TARGETS), /not "freshh"/);
  t.throws(() => parseOptions(['--targets', 'apache'], TARGETS), /knows linkgate, caddy/);
  t.throws(() => parseOptions(['--rounds', '0'], TARGETS), /above 0/);
  t.throws(() => parseOptions(['--frm'], TARGETS));
});
