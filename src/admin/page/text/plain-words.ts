// What went wrong with a certificate, for somebody who never heard of ACME: what happened, and what to do about it. Chosen by the type
// of the problem; what is not known here is told in the words it came with.

import type { LastProblem } from '../../../core/certificate-state.ts';

export interface PlainProblem {
  readonly what: string;
  readonly remedy: string;
}

const ACME = 'urn:ietf:params:acme:error:';

type Row = readonly [what: string, remedy?: (name: string) => string];

const pointHere = (name: string): string =>
  `Create or correct the DNS record of ${name} so that it leads to this server. \`linkgate dns ${name}\` shows the record that is needed.`;

const CA_IS_BUSY: Row = [
  'The certificate authority could not be reached, or is out of order at the moment.',
  () =>
    'Nothing, usually: it is tried again by itself. If it lasts, see that this server may open https connections to the internet.',
];

const TOO_MANY: Row = [
  'The certificate authority issues only so many certificates in a time, and that number is used up.',
  () => 'Nothing but wait: it is tried again as soon as the authority allows it.',
];

const WRONG_ANSWER: Row = [
  'The certificate authority asked this name for a proof and somebody else answered. The name probably leads to another server.',
  pointHere,
];

const STORAGE: Row = [
  'The folder that keeps the certificates could not be read or written.',
  () =>
    'See that the folder of `certificates.storage` exists, that the service may write there, and that its disk is not full.',
];

const ROWS: Readonly<Record<string, Row>> = {
  [`${ACME}dns`]: ['This name has no DNS record that can be found, so nobody can reach it.', pointHere],
  [`${ACME}connection`]: [
    'The certificate authority could not connect to this name on port 80 or 443.',
    (name) =>
      `Open ports 80 and 443 in every firewall in front of this server, and see that ${name} leads to it: \`linkgate doctor ${name}\``,
  ],
  [`${ACME}unauthorized`]: WRONG_ANSWER,
  [`${ACME}incorrectResponse`]: WRONG_ANSWER,
  [`${ACME}tls`]: [
    'The certificate authority connected to this name on port 443 and did not find this server there.',
    pointHere,
  ],
  [`${ACME}caa`]: [
    'A CAA record of this domain forbids the certificate authority to issue for it.',
    (name) =>
      `Allow the authority in the CAA record, or remove it. \`linkgate dns ${name}\` shows the record to add.`,
  ],
  [`${ACME}rejectedIdentifier`]: [
    'The certificate authority does not issue certificates for this name.',
    () =>
      'See that the name is spelled right and is a public one. Some authorities refuse names on a block list: add another issuer.',
  ],
  [`${ACME}rateLimited`]: TOO_MANY,
  [`${ACME}serverInternal`]: CA_IS_BUSY,
  ERR_CERT_NAME_UNREADY: ['This name does not lead to this server yet, so no certificate was ordered.'],
  ERR_ACME_UNREACHABLE: CA_IS_BUSY,
  ERR_ACME_TIMEOUT: CA_IS_BUSY,
  ERR_ACME_RATE_LIMITED: TOO_MANY,
  ERR_ACME_UNAUTHORIZED: WRONG_ANSWER,
  ERR_ACME_REFUSED: ['The certificate authority refused the order.'],
  ERR_DNS_UNAVAILABLE: [
    'The DNS record that proves the name could not be set, or was not seen by everybody in time.',
  ],
  ERR_STORAGE_UNAVAILABLE: STORAGE,
  ERR_STORAGE_UNREADABLE: ['The stored certificate of this name cannot be read.'],
  ERR_STORAGE_FOREIGN: ['The storage folder belongs to another user than this proxy.'],
  ERR_STORAGE_LOCKED: ['Another process works on this certificate right now.'],
  ERR_CERT_INVALID: ['The stored certificate cannot be used for this name.'],
};

const sentence = (text: string): string => {
  const first = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(first) || first === '' ? first : `${first}.`;
};

/** @param name - the domain it is about */
export const plainProblem = (name: string, { type, detail, remedy }: LastProblem): PlainProblem => {
  const row = Object.hasOwn(ROWS, type) ? ROWS[type] : undefined;
  return { what: row?.[0] ?? sentence(detail), remedy: row?.[1]?.(name) ?? sentence(remedy) };
};
