// The pictures of --wait: on a terminal, into a file, interrupted, in time and too late.

import t from 'tap';
import { formatElapsed, formatProgress, waitForDns } from '../../../src/cli/commands/dns-wait.ts';
import { coloursFor } from '../../../src/cli/terminal/paint.ts';
import { systemClock, type Clock } from '../../../src/core/platform/clock.ts';
import { wantedRecords } from '../../../src/doctor/records.ts';
import { authority } from '../../helpers/dns-world.ts';
import { needs } from '../../helpers/needs.ts';

const colours = coloursFor({});
const brisk: Clock = {
  now: systemClock.now,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 50), signal),
};

t.test('elapsed time for people', async (t) => {
  for (const [ms, text] of [
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [3_600_000, '1 h'],
    [259_200_000, '72 h'],
    [18_720_000, '5 h 12 min'],
  ] as const)
    t.equal(formatElapsed(ms), text);
});

t.test('a picture: who still has the old answer', async (t) => {
  const server = { address: '192.0.2.53:53', zone: 'acme.com' };
  const progress = [
    { domain: 'done.acme.com', isDone: true, sightings: [] },
    {
      domain: 'links.acme.com',
      isDone: false,
      sightings: [
        { server, state: 'ok', has: [] },
        { server: { address: '1.1.1.1:53' }, state: 'old', has: ['A 198.51.100.4'] },
        { server: { address: '[2001:db8::1]:5353' }, state: 'failed', has: ['TIMEOUT'] },
      ],
    },
    { domain: 'new.acme.com', isDone: false, sightings: [], problem: 'zone was not found' },
    { domain: 'later.acme.com', isDone: false, sightings: [] },
  ] as const;
  t.equal(
    formatProgress({ progress, elapsedMs: 200_000, limitMs: 259_200_000, colours }),
    [
      '1 of 4 domains everywhere, after 3 min 20 s of at most 72 h; Ctrl-C stops waiting',
      'links.acme.com',
      '  ok    192.0.2.53 (authoritative for acme.com)',
      '  old   1.1.1.1 (resolver)                       has A 198.51.100.4',
      '  none  [2001:db8::1]:5353 (resolver)            no answer: TIMEOUT',
      'new.acme.com',
      '  zone was not found',
      'later.acme.com',
      '  asking its name servers',
    ].join('\n'),
  );
  const many = Array.from({ length: 9 }, (_, i) => ({
    domain: `${i}.example`,
    isDone: false,
    sightings: [],
  }));
  t.match(formatProgress({ progress: many, elapsedMs: 0, limitMs: 1000, colours }), /and 4 more$/);
});

t.test(
  'a file gets changes, a terminal pictures; both hear how it ended',
  { skip: needs('named') },
  async (t) => {
    const server = await authority(t, { 'example.com': ['links IN A 127.0.0.9'] });
    const records = wantedRecords({
      name: 'links.example.com',
      target: { addresses: ['127.0.0.1'] },
      cas: [],
    });
    const wait = async (
      isTTY: boolean,
      signal: AbortSignal,
      limitMs = 20_000,
      onText = (): void => undefined,
    ) => {
      let text = '';
      const stdout = {
        isTTY,
        rows: 10,
        columns: 60,
        write: (chunk: string) => ((text += chunk), onText(), true),
      };
      const code = await waitForDns({
        watched: [{ domain: 'links.example.com', records }],
        findServers: async () => [{ address: `127.0.0.1:${server.port}`, zone: 'example.com' }],
        resolvers: [],
        limitMs,
        colours,
        stdout: stdout as never,
        clock: brisk,
        signal,
      });
      return { code, text };
    };
    const never = new AbortController().signal;
    let changed = false;
    const file = await wait(false, never, 20_000, () => {
      if (changed) return;
      changed = true;
      void server.replace('example.com', ['links IN A 127.0.0.1']);
    });
    t.equal(file.code, 0);
    t.match(
      file.text,
      /^\d{4}-\S+Z links\.example\.com at 127\.0\.0\.1:\d+ \(authoritative for example\.com\): has A 127\.0\.0\.9\n\S+Z .*: has what is wanted\neverywhere after \d+ s; next: linkgate doctor\n$/,
    );
    const screen = await wait(true, never);
    t.equal(screen.code, 0);
    t.match(screen.text, '\u001B[J0 of 1 domain everywhere');
    t.match(screen.text, '\u001B[3A\u001B[J', 'drawn over the last picture');
    t.ok(
      screen.text.split('\n').every((line) => line.length <= 70),
      'no line that the terminal would break',
    );

    await server.replace('example.com', []);
    const late = await wait(false, never, 200);
    t.equal(late.code, 1);
    t.match(late.text, /has A none\nnot everywhere after 0 s: 0 of 1 domain everywhere\n$/);
    const stop = new AbortController();
    const stopped = await wait(false, stop.signal, 20_000, () => stop.abort());
    t.equal(stopped.code, 1);
    t.match(stopped.text, /\nstopped after \d s: 0 of 1 domain everywhere\n$/);
  },
);
