import t from 'tap';
import { eventList, surroundings } from '../../../src/admin/page/around.ts';
import { NOW_MS, sampleStatus } from '../../helpers/sample-page.ts';

t.test('what happened, newest first as it comes, twenty at most', async (t) => {
  t.match(`${eventList([], NOW_MS)}`, /Nothing has happened since the start/);
  const events = Array.from({ length: 30 }, (_, index) => ({
    atMs: NOW_MS - index * 60_000,
    tone: 'good' as const,
    title: 'Certificate issued',
    domain: `<b>${index}`,
    detail: '"by" <someone>',
  }));
  const shown = `${eventList(events, NOW_MS)}`;
  t.equal(shown.match(/<li>/g)?.length, 20);
  t.match(shown, /datetime="2026-11-23T14:03:20\.000Z">14:03</);
  t.match(shown, /&lt;b&gt;0/);
  t.notMatch(shown, /<b>|<someone>/);
});

t.test('trackers, authorities, workers and the last reload', async (t) => {
  const status = sampleStatus();
  const shown = `${surroundings(status, NOW_MS)}`;
  t.match(shown, /Tracker, region us[^]*e\.customeriomail\.com · answers/);
  t.match(shown, /zerossl[^]*passed over, asked again in 2 minutes: GET/);
  t.match(shown, /2 of 2 processes ready/);
  t.notMatch(shown, /Configuration/);
  const reload = { number: 1, at: new Date(NOW_MS - 3_600_000).toISOString(), atRestart: ['listen.https'] };
  const after = (problem: string | null): string =>
    `${surroundings({ ...status, reload: { ...reload, problem } }, NOW_MS)}`;
  t.match(after(null), /reloaded 60 minutes ago; at the next start: listen\.https/);
  t.match(after('2:1 <x>'), /refused 60 minutes ago, the old settings stay: 2:1 &lt;x&gt;/);
  const [upstream] = status.upstreams;
  const broken = upstream === undefined ? [] : [{ ...upstream, region: null, healthy: false }];
  t.match(
    `${surroundings({ ...status, upstreams: broken, workers: [] }, NOW_MS)}`,
    /mark bad[^]*does not answer[^]*0 of 0/,
  );
});
