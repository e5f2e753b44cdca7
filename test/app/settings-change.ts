import t from 'tap';
import { compareDomains, compareSettings } from '../../src/app/settings-change.ts';
import type { DomainSettings, Settings } from '../../src/core/settings.ts';
import { localSettings } from '../helpers/settings.ts';

const domain = (name: string, more: Partial<DomainSettings> = {}): DomainSettings => ({
  name,
  upstream: 'us',
  redirectHttp: false,
  ...more,
});

t.test('one more name among many changes that name alone', async (t) => {
  const many = Array.from({ length: 1_000 }, (_, i) => domain(`links${i}.example.com`));
  const change = compareDomains(many, [...structuredClone(many), domain('new.example.com')]);
  t.strictSame(change, { set: [domain('new.example.com')], removed: [] });
});

t.test('a name that changed, and a name that was removed', async (t) => {
  const change = compareDomains(
    [domain('a.example'), domain('b.example'), domain('c.example')],
    [domain('c.example'), domain('a.example', { upstream: 'eu' })],
  );
  t.strictSame(change, { set: [domain('a.example', { upstream: 'eu' })], removed: ['b.example'] });
});

t.test('the same settings change nothing', async (t) => {
  const settings = localSettings(t);
  t.strictSame(compareSettings(settings, structuredClone(settings)), {
    domains: { set: [], removed: [] },
    atRestart: [],
  });
});

t.test('all other settings come as one piece, without the names', async (t) => {
  const before = localSettings(t);
  const after: Settings = { ...before, limits: { bodyBytes: 10 } };
  const change = compareSettings(before, after);
  t.strictSame(change.domains, { set: [], removed: [] });
  t.strictSame(change.common?.limits, { bodyBytes: 10 });
  t.notHas(change.common, { domains: [] });
  t.strictSame(change.atRestart, []);
});

t.test('sockets and storage stay as they were opened, and the change names them', async (t) => {
  const before = localSettings(t);
  const after: Settings = {
    ...before,
    listen: {
      https: { ...before.listen.https, port: 8443 },
      http: { ...before.listen.http, proxyProtocol: ['10.0.0.0/8'] },
      admin: { ...before.listen.admin, host: '127.0.0.9' },
    },
    certificates: { ...before.certificates, storage: { type: 'file', path: '/elsewhere' } },
  };
  const { atRestart, common } = compareSettings(before, after);
  t.strictSame(atRestart, ['listen.https', 'listen.admin', 'certificates.storage']);
  t.strictSame(common?.listen.https, before.listen.https);
  t.strictSame(common?.listen.admin, before.listen.admin);
  t.strictSame(common?.listen.http.proxyProtocol, ['10.0.0.0/8'], 'what needs no new socket is taken up');
  t.strictSame(common?.certificates, before.certificates);
});

t.test(
  'a switch of the admin port to or from TLS waits for the next start, together with its guards',
  async (t) => {
    const before: Settings = { ...localSettings(t), admin: { tokenFile: '/t' } };
    const tls = { certFile: '/c', keyFile: '/k' };
    const change = compareSettings(before, { ...before, admin: { tls, hosts: ['x'] } });
    t.strictSame(change, { domains: { set: [], removed: [] }, atRestart: ['admin'] });
    const secured: Settings = { ...before, admin: { tls } };
    const mutual = compareSettings(secured, { ...before, admin: { tls: { ...tls, clientCaFile: '/ca' } } });
    t.strictSame(mutual.atRestart, ['admin']);
    const renewed = compareSettings(secured, { ...before, admin: { tls: { ...tls, certFile: '/new' } } });
    t.strictSame([renewed.atRestart, renewed.common?.admin?.tls?.certFile], [[], '/new']);
    const { admin: _admin, ...without } = before;
    t.notHas(compareSettings(before, without).common, { admin: {} }, 'what is taken out is out');
  },
);
