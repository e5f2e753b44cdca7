// Answers → the first configuration, as commented YAML that a person goes on editing. Pure: writes no file.

import { stringify } from 'yaml';
import type { Region } from '../core/settings.ts';

export interface FirstAnswers {
  readonly region: Region;
  /** normalized, at least one */
  readonly domains: readonly string[];
  /** empty: none is given to the CA */
  readonly email: string;
  /** folder of the file storage */
  readonly storage: string;
  /** a word of `directory` */
  readonly directory: string;
}

/** A scalar on one line, quoted where YAML needs it. */
const scalar = (text: string): string => stringify(text, { lineWidth: 0, blockQuote: false }).trimEnd();

const OTHER: Readonly<Record<Region, Region>> = { us: 'eu', eu: 'us' };

/** The text of the file; `loadSettings` reads from it what the answers say. */
export const firstConfig = ({ region, domains, email, storage, directory }: FirstAnswers): string => {
  const staging = directory === 'letsencrypt-staging';
  return [
    '# linkgate: https for the tracked links of Customer.io. Every key: docs/configuration.md.',
    '# After a change: linkgate check, then linkgate reload.',
    '',
    '# listen:                     # what is commented out shows its default',
    '#   https: 0.0.0.0:443',
    '#   http: 0.0.0.0:80          # answers the CA, and serves the http links of mail already sent: keep it open',
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
    `      directory: ${directory}${staging ? '   # letsencrypt once all works: nobody trusts its certificates' : ''}`,
    email === ''
      ? '      # email: ops@example.com'
      : `      email: ${scalar(email)}   # for the CA, with the account`,
    '  # keepServing: true         # serve on names that leave `domains`, until their certificate expires',
    '',
    'domains:',
    ...domains.map((name) => `  - name: ${name}`),
    `  #   region: ${OTHER[region]}                # of one domain`,
    '  #   redirectHttp: true      # port 80 sends to https; needs every link ever sent to be https',
    '',
    '# workers: auto               # processes that serve: one a core',
    '',
  ].join('\n');
};
