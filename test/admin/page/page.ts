import t from 'tap';
import { createPage } from '../../../src/admin/page/page.ts';
import { createRecentEvents } from '../../../src/admin/recent-events.ts';
import { createEventBus } from '../../../src/core/events.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { NOW_MS, sampleStatus } from '../../helpers/sample-page.ts';

t.test('the page and what it loads, under a policy that lets in nothing else', async (t) => {
  const clock = fakeClock(NOW_MS);
  const bus = createEventBus((_name, error) => t.fail('listener failed', { error }));
  const events = createRecentEvents(bus, clock);
  let asked = 0;
  const page = createPage({
    status: async () => {
      asked += 1;
      if (asked === 2) throw new Error('once');
      return sampleStatus();
    },
    traffic: { samples: () => [] },
    events,
    clock,
  });
  t.teardown(() => page.stop());
  const show = async (path: string) => page.pages.get(path)?.(new URLSearchParams());
  const [first] = await Promise.all([show('/'), show('/')]);
  t.match(first, { status: 200, type: 'text/html; charset=utf-8', body: /2 domains need attention/ });
  const policy = String(first?.fields?.['Content-Security-Policy']);
  t.match(policy, /^default-src 'none'; style-src 'self'; script-src 'self';/);
  t.notMatch(policy, /unsafe|\*|http/);
  t.equal(asked, 1, 'at the same moment the same');
  await clock.advance(1_001);
  await t.rejects(show('/'), { message: 'once' });
  t.match(await show('/'), { status: 200 }, 'a failure is not kept');
  t.match(await show('/page.css'), { type: 'text/css; charset=utf-8' });
  t.match(await show('/page.js'), { type: 'text/javascript; charset=utf-8' });
  t.match(await show('/page.svg'), { type: 'image/svg+xml' });
});
