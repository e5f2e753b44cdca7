import t from 'tap';
import { formatList } from '../../../src/cli/commands/certs.ts';
import { linkgateCommand } from '../../helpers/linkgate-command.ts';

t.test('a row per domain, problems below', async (t) => {
  const row = {
    domain: 'links.example.com',
    state: 'failing',
    source: null,
    issuer: null,
    serial: null,
    notBefore: null,
    notAfter: null,
    nextAttempt: '2026-01-01T00:05:00.000Z',
    lastProblem: { at: '', issuer: 'letsencrypt', type: 'urn:x:dns', detail: 'NXDOMAIN', remedy: 'fix it' },
  } as const;
  const past = { ...row, state: 'expired', notAfter: '2020-01-01T00:00:00.000Z', lastProblem: null } as const;
  const detail = 'the server could not connect to the client to verify the domain, '.repeat(3);
  const long = { ...row, issuer: 'letsencrypt-staging', lastProblem: { ...row.lastProblem, detail } };
  for (const line of formatList([long, past], 80).split('\n')) t.ok(line.length <= 80, line);
  t.equal(
    formatList([row, past]),
    [
      'DOMAIN             STATE    SOURCE  ISSUER  EXPIRES            NEXT ATTEMPT',
      'links.example.com  failing  -       -       -                  2026-01-01 00:05Z',
      'links.example.com  expired  -       -       2020-01-01 (past)  2026-01-01 00:05Z',
      '',
      'links.example.com: urn:x:dns: NXDOMAIN',
      '  fix it',
    ].join('\n'),
  );
});

t.test('wrong words end with 64', async (t) => {
  for (const args of [
    ['certs', 'export', 'a.example.com'],
    ['certs', 'nothing'],
    ['certs', 'show'],
  ]) {
    t.match(await linkgateCommand(args), { status: 64 }, args.join(' '));
  }
  t.match(await linkgateCommand(['certs', '--help']), {
    status: 0,
    stdout: /revoke the certificate at the CA/,
  });
});
