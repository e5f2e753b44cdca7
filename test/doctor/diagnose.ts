import t from 'tap';
import { diagnose } from '../../src/doctor/diagnose.ts';
import { examine, NAME, resolverFor } from '../helpers/examine.ts';
import { needs } from '../helpers/needs.ts';
import { tracker } from '../helpers/tracker.ts';

t.test('everything right is green, check by check', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1']);
  const own = await tracker(t);
  const { tools, domain, upstream } = await examine(t, { resolver, tracker: own });
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

t.test('a check that hangs or breaks is a finding, and the others go on', async (t) => {
  const never = () => new Promise<never>(() => undefined);
  const resolver = { ask: never };
  const broken = new Set<string>();
  broken.has = () => {
    throw new Error('broken');
  };
  const own = await tracker(t);
  const { tools, domain, upstream } = await examine(t, { resolver, tracker: own, places: [] });
  const targets = Array.from({ length: 9 }, (_, i) => ({
    domain: { ...domain, name: `l${i}.example.com` },
    upstream,
  }));
  const found = await diagnose(
    targets,
    { ...tools, preloaded: { date: '2026-06-01', names: broken } },
    { limitMs: 2_000 },
  );
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
