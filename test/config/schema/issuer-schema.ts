import t from 'tap';
import type { z } from 'zod';
import { dns, eab, preferredChain, profile } from '../../../src/config/schema/issuer-schema.ts';

const said = (schema: z.ZodType, value: unknown): string[] =>
  (schema.safeParse(value).error?.issues ?? []).map(({ path, message }) =>
    [path.join('.'), message].filter((part) => part !== '').join(': '),
  );

const key = { type: 'rfc2136', server: '192.0.2.53:53', keyName: 'linkgate.', keyFile: 'k' };

t.test('good values', async (t) => {
  t.same(said(eab(), { keyId: 'kid-1', hmacKeyFile: 'hmac' }), []);
  t.same(said(profile(), 'shortlived'), []);
  t.same(said(preferredChain(), 'ISRG Root X1'), []);
  t.same(said(dns(), key), []);
  t.same(said(dns(), { ...key, server: '[2001:db8::1]:5353', zone: '_acme.example.com' }), []);
  t.same(said(dns(), { type: 'exec', command: ['hook'], timeout: '30s', propagation: '1h' }), []);
});

t.test('each mistake in its own words', async (t) => {
  const cases: readonly [z.ZodType, unknown, string][] = [
    [eab(), { keyId: 'k' }, 'hmacKeyFile: is missing'],
    [eab(), { keyId: 'a b', hmacKeyFile: 'f' }, 'keyId: must be a key id without blanks, not "a b"'],
    [
      eab(),
      { keyId: 'k', hmacKey: 'literal', hmacKeyFile: 'f' },
      'unknown key; known here: keyId, hmacKeyFile',
    ],
    [profile(), '', 'must be the name of a profile, not ""'],
    [preferredChain(), 'a\nb', 'must be the common name of a certificate, not "a\\nb"'],
    [dns(), 'exec', 'must be a mapping, not "exec"'],
    [dns(), {}, 'type: is missing'],
    [dns(), { type: 'route53' }, 'type: must be rfc2136 or exec, not "route53"'],
    [dns(), { ...key, server: '192.0.2.1:65536' }, 'server: has a port over 65535: "192.0.2.1:65536"'],
    [dns(), { ...key, server: ':53' }, 'server: must be ADDRESS:PORT or [IPV6]:PORT, not ":53"'],
    [
      dns(),
      { ...key, server: 'ns1.example.com:53' },
      'server: must be ADDRESS:PORT or [IPV6]:PORT, not "ns1.example.com:53"',
    ],
    [
      dns(),
      { ...key, server: '192.0.2.1:0' },
      'server: must be ADDRESS:PORT or [IPV6]:PORT, not "192.0.2.1:0"',
    ],
    [dns(), { ...key, keyName: 'a b' }, 'keyName: must be a DNS name, not "a b"'],
    [
      dns(),
      { ...key, propagation: '2h' },
      'propagation: must be a duration from 1s to 1h such as 30s or 2m, not "2h"',
    ],
    [
      dns(),
      { ...key, timeout: '1m' },
      'unknown key; known here: type, server, keyName, keyFile, zone, resolvers, propagation',
    ],
    [dns(), { type: 'exec', command: [] }, 'command: names no program'],
    [dns(), { type: 'exec', command: 'hook' }, 'command: must be a list, not "hook"'],
  ];
  for (const [schema, value, message] of cases) t.same(said(schema, value), [message]);
});
