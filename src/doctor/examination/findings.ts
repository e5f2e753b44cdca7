// The findings of the doctor. Each has one row here, in words for a person: why it matters and how to fix it. docs/troubleshooting.md
// has a section for each id; a test compares the two. Must not check anything.

export type Level = 'green' | 'amber' | 'red';

/** In the order in which a request meets them. */
export const CHECKS = [
  'dns',
  'cdn',
  'caa',
  'ports',
  'http',
  'https',
  'hsts',
  'certificate',
  'upstream',
  'app-links',
  'runtime',
] as const;

export type CheckName = (typeof CHECKS)[number];

interface Row {
  readonly level: Exclude<Level, 'green'>;
  readonly why: string;
  readonly remedy: string;
}

const red = (why: string, remedy: string): Row => ({ level: 'red', why, remedy });
const amber = (why: string, remedy: string): Row => ({ level: 'amber', why, remedy });

export const FINDINGS = {
  'check-failed': amber('the check did not finish, so nothing is known', 'run `linkgate doctor` again'),

  'dns-absent': red(
    'nobody finds the proxy: every link in every mail is dead',
    'create the records that `linkgate dns` shows',
  ),
  'dns-failed': red(
    'when name servers fail, clicks are lost and CAs refuse to issue',
    'ask who runs the zone: its name servers do not answer, or DNSSEC is broken',
  ),
  'dns-tracker': red(
    'clicks go straight to the tracker, whose certificate is not for this name: https cannot work',
    'point the name at this proxy instead of at the tracker',
  ),
  'dns-ipv6-stray': red(
    'CAs and most phones try IPv6 first: they reach nothing, or somebody else',
    'remove the AAAA record, or make the proxy answer at that address',
  ),
  'dns-elsewhere': red(
    'a part of the clicks goes to a machine that is not this proxy',
    'remove the address, or let the proxy there share this storage',
  ),

  'cdn-in-front': amber(
    'a CDN ends TLS, may cache, challenge or redirect clicks, and hides the readers’ addresses',
    'switch the name to "DNS only" at the CDN; else no caching, TLS to the origin "Full (strict)", and `trustedProxies`',
  ),

  'caa-forbids': red(
    'the CA will refuse to issue or to renew',
    'add a CAA record that allows the CA where the evidence says, or use a CA that it names',
  ),
  'caa-account': amber(
    'the CA refuses every other account; an account is registered with the first order, or it cannot be read from here',
    'run `linkgate doctor` as the user of the proxy after its first order; then put the URL of the account into the record',
  ),
  'caa-failed': amber(
    'a CA that cannot look up CAA refuses to issue; a renewal fails on it',
    'ask who runs the zone: its name servers do not answer questions for CAA',
  ),

  'port-http': red(
    'mail already sent holds http links, and CAs validate http-01 on port 80',
    'open port 80 in the firewall, and see that `linkgate run` listens on it',
  ),
  'port-https': red(
    'https links reach nobody',
    'open port 443 in the firewall, and see that `linkgate run` listens on it',
  ),

  'http-failed': red(
    'Customer.io’s HTTP status turns red, and http links in mail already sent break',
    'see what answers at the address on port 80',
  ),
  'http-unknown-name': red(
    'the server that answers does not serve this name: it refuses its links',
    'add the name to `domains` of the proxy that answers, and restart it',
  ),
  'http-refused': amber(
    'a firewall or a rule refuses visitors before the tracker sees them, so clicks are lost',
    'let every client and every path through to the proxy, Customer.io’s checker included',
  ),
  'http-redirected': amber(
    'something in front redirects http: one more hop for each click, and a loop as soon as https redirects back',
    'remove that redirect; `redirectHttp: true` is linkgate’s own',
  ),

  'https-failed': red(
    'Customer.io’s HTTPS status stays red, so links in new mail stay http',
    'see the certificate findings first, then what answers on port 443',
  ),
  'https-loop': red(
    'http redirects to https and https to http: no click arrives',
    'remove the redirect in front (at a CDN: TLS "Full (strict)", not "Flexible")',
  ),

  'hsts-name': red(
    'Customer.io’s HTTP status turns red on it, and browsers keep it for as long as it says',
    'remove `hsts` of the domain, or the rule in front that adds Strict-Transport-Security',
  ),
  'hsts-parent': red(
    'includeSubDomains makes browsers refuse http links of this name, and Customer.io’s check turns red',
    'remove includeSubDomains at the parent, or use a name under another domain',
  ),
  'hsts-preload': red(
    'browsers never use http for this name, whatever it sends: its http links only work while https does',
    'use a name under another domain; leaving the preload list takes months',
  ),

  'certificate-absent': red(
    'https cannot be served',
    'see `linkgate certs list` for why; `linkgate certs issue` tries at once',
  ),
  'certificate-expired': red(
    'every browser warns instead of following the link',
    'see `linkgate certs list` for why it was not renewed; `linkgate certs renew` tries at once',
  ),
  'certificate-early': red(
    'the certificate is from the future: the clock here, or the clock of its CA, is wrong',
    'set this machine’s clock (chrony or systemd-timesyncd)',
  ),
  'certificate-name': red(
    'browsers refuse a certificate for other names',
    'something else answers for this name, or the wrong certificate was imported',
  ),
  'certificate-chain': red(
    'many mail programs and phones cannot complete a chain by themselves; browsers may hide the fault',
    'import the full chain: leaf, then every intermediate',
  ),
  'certificate-untrusted': red(
    'only this network trusts its CA',
    'issue with a public CA; for a private network give the root to every reader',
  ),
  'certificate-ending': amber(
    'it ends soon and has not been renewed',
    'see `linkgate certs list`; import a new one when it was imported',
  ),
  'certificate-problem': amber(
    'the last order failed: the certificate served now will not be replaced until one succeeds',
    'do what the evidence says; `linkgate certs renew` tries at once',
  ),

  'upstream-unreachable': red(
    'every click is answered with 502',
    'let this machine connect to the tracker on port 443',
  ),
  'upstream-tls': red(
    'what answers is not the tracker of this region: no click is sent to it',
    'look for a proxy that intercepts TLS, and at `upstream.url` and `serverName`',
  ),
  'upstream-error': amber(
    'the tracker answers a harmless request with an error, and may do so with clicks',
    'see https://status.customer.io, and whether the region is the one of the account',
  ),

  'app-links-failed': red(
    'phones fetch this file once; without it links open the browser instead of the app',
    'see `universalLinks` of the domain, and what answers in front of the proxy',
  ),
  'app-links-redirected': red(
    'phones do not follow a redirect for this file',
    'let the path through to the proxy without a redirect',
  ),
  'app-links-differ': red(
    'what is served is not the configured file: an old version, or another machine',
    'restart the proxy after changing the file, and clear caches in front',
  ),

  'clock-skewed': red(
    'certificates look expired or not yet valid, and orders are signed at a wrong time',
    'keep the clock by chrony or systemd-timesyncd',
  ),
  'storage-modes': red(
    'other users of this machine can read private keys',
    'chmod 700 folders and 600 files of the storage',
  ),
  'storage-unreadable': amber(
    'the files of the storage could not be checked',
    'run `linkgate doctor` as the user that runs the proxy',
  ),
  'disk-full': red('a renewed certificate cannot be stored', 'make room where the storage is'),
  'descriptors-few': amber(
    'each click takes up to two file descriptors; when they run out, clicks wait or fail',
    'raise the limit: LimitNOFILE= in systemd, `ulimit -n` elsewhere',
  ),
  'node-outdated': amber(
    'this version of Node no longer gets security fixes, or lacks known ones',
    'install a supported version of Node; the doctor names the lowest',
  ),
} as const satisfies Readonly<Record<string, Row>>;

export type FindingId = keyof typeof FINDINGS;

export interface Finding {
  readonly check: CheckName;
  /** absent when all is well */
  readonly id?: FindingId;
  readonly level: Level;
  /** what was found, one line */
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
  readonly evidence: readonly string[];
}

/** A check that found nothing wrong. */
export const good = (check: CheckName, what: string, evidence: readonly string[] = []): Finding => ({
  check,
  level: 'green',
  what,
  why: '',
  remedy: '',
  evidence,
});

/** A check that found something. Level, why and remedy are those of the table; `remedy` replaces the table's. */
export const finding = (
  check: CheckName,
  id: FindingId,
  { what, evidence = [], remedy }: { what: string; evidence?: readonly string[]; remedy?: string },
): Finding => {
  const row = FINDINGS[id];
  return { check, id, level: row.level, what, why: row.why, remedy: remedy ?? row.remedy, evidence };
};

const RANK: Readonly<Record<Level, number>> = { green: 0, amber: 1, red: 2 };

/** The worst level of some findings. */
export const worst = (findings: readonly Finding[]): Level =>
  findings.reduce<Level>((level, next) => (RANK[next.level] > RANK[level] ? next.level : level), 'green');
