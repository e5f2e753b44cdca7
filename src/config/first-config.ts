// The answers of `init` → the first configuration, as commented YAML that a person edits later. Pure: it writes no file.

import { stringify } from 'yaml';
import type { Region } from '../core/settings.ts';

export interface FirstAnswers {
  readonly region: Region;
  /** normalized, at least one */
  readonly domains: readonly string[];
  /** empty: the CA gets none */
  readonly email: string;
  /** folder of the file storage */
  readonly storage: string;
  /** a word of `directory` */
  readonly directory: string;
}

/** A scalar on one line, quoted where YAML needs it. */
const scalar = (text: string): string => stringify(text, { lineWidth: 0, blockQuote: false }).trimEnd();

const OTHER: Readonly<Record<Region, Region>> = { us: 'eu', eu: 'us' };

/** The text of the file; `loadSettings` reads the same values from it. */
export const firstConfig = ({ region, domains, email, storage, directory }: FirstAnswers): string => {
  const staging = directory === 'letsencrypt-staging';
  return [
    '# linkgate: https for the tracked links of Customer.io. Every key: docs/configuration.md',
    '# (linkgate --help says where docs/ is).',
    '# After a change: linkgate check, then linkgate reload.',
    '',
    '# listen:                     # a commented line shows the default',
    '#   https: 0.0.0.0:443',
    '#   http: 0.0.0.0:80          # answers the CA, and serves the http links of sent mail: keep it open',
    '#   admin: 127.0.0.1:9464     # metrics, health, status',
    '',
    'upstream:',
    `  region: ${region}                  # where the Customer.io account lives: us or eu`,
    '',
    'certificates:',
    '  storage:',
    `    path: ${scalar(storage)}`,
    '  issuers:                    # tried in this order',
    '    - type: acme',
    `      directory: ${directory}${staging ? '   # its certificates are not trusted; change it to letsencrypt when all works' : ''}`,
    email === ''
      ? '      # email: ops@example.com'
      : `      email: ${scalar(email)}   # for the CA, with the account`,
    '  # keepServing: true         # keep serving a domain that is removed below, while its certificate is valid',
    '',
    'domains:',
    ...domains.map((name) => `  - name: ${name}`),
    `  #   region: ${OTHER[region]}                # of one domain`,
    '  #   redirectHttp: true      # port 80 redirects to https; only when every link that was sent is https',
    '',
    '# workers: auto               # serving processes; auto: one for each core',
    '',
  ].join('\n');
};
