import t from 'tap';
import { systemClock, type Clock } from '../../src/core/platform/clock.ts';
import { diagnose } from '../../src/doctor/diagnose.ts';
import { createNameResolver } from '../../src/doctor/examination/name-facts.ts';
import { clinic, NAME, resolverFor } from '../helpers/clinic.ts';
import { needs } from '../helpers/needs.ts';
import { tracker } from '../helpers/tracker.ts';
import { until } from '../helpers/until.ts';

t.test('everything right is green, check by check', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1']);
  const own = await tracker(t);
  const { tools, domain, upstream } = await clinic(t, { resolver, tracker: own });
  const heard: string[] = [];
  const [found] = await diagnose([{ domain, upstream }], tools, {
    onDone: (done) => heard.push(done.domain),
  });
  t.strictSame(
    found?.findings.map(({ check, level }) => `${check} ${level}`),
    ['dns', 'cdn', 'caa', 'ports', 'ports', 'http', 'https', 'hsts', 'certificate', 'upstream'].map(
      (check) => `${check} green`,
    ),
  );
  t.strictSame(heard, [NAME]);
});

/** what each domain is checked for, in this order */
const CHECKS = 'dns cdn caa ports http https hsts certificate upstream app-links'.split(' ');

/** The time of a check is over when the tracker of its domain was checked: what is no fault here ends first on any machine. */
const afterUpstream = (): Clock => {
  const checks: (AbortSignal | undefined)[] = [];
  return {
    now: systemClock.now,
    sleep: async (_, signal) => {
      const index = checks.push(signal) - 1;
      const upstream = index - (index % CHECKS.length) + CHECKS.indexOf('upstream');
      await until('the tracker was checked', () => checks[upstream]?.aborted);
    },
  };
};

t.test('a check that hangs or breaks is a finding, and the others go on', async (t) => {
  const never = () => new Promise<never>(() => undefined);
  const resolver = { ...createNameResolver(['127.0.0.1:9']), resolve4: never, resolve6: never };
  const broken = new Set<string>();
  broken.has = () => {
    throw new Error('broken');
  };
  const own = await tracker(t);
  const { tools, domain, upstream } = await clinic(t, { resolver, tracker: own, places: [] });
  const targets = Array.from({ length: 20 }, (_, i) => ({
    domain: { ...domain, name: `l${i}.example.com` },
    upstream,
  }));
  const found = await diagnose(targets, {
    ...tools,
    clock: afterUpstream(),
    preloaded: { date: '2026-06-01', names: broken },
  });
  t.strictSame(
    found.map((one) => one.domain),
    targets.map((target) => target.domain.name),
    'in their order',
  );
  t.match(found[0]?.findings, [{ id: 'check-failed', what: 'check dns took too long', level: 'amber' }]);
  t.ok(
    found.every(({ findings }) =>
      findings.some(({ check, level }) => check === 'upstream' && level === 'green'),
    ),
  );
});
