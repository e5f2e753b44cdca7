// What `linkgate init` needs to know, its defaults, and what is wrong with an answer: the same for flags and for questions.

import { existsSync } from 'node:fs';
import { configuredName } from '../../config/values/configured-name.ts';
import type { FirstAnswers } from '../../config/first-config.ts';
import { isEmailAddress } from '../../config/schema/schema.ts';

/** What is known before anybody is asked; `undefined` is still to be asked. */
export type Given = { readonly [Key in keyof FirstAnswers]: FirstAnswers[Key] | undefined } & {
  readonly file: string | undefined;
  /** empty: found by this machine's addresses */
  readonly to: readonly string[];
};

export interface Answered {
  readonly file: string;
  readonly answers: FirstAnswers;
  readonly to: readonly string[];
}

/** The CAs that need nothing but an e-mail address; a person writes others into the file. */
export const CAS = ['letsencrypt', 'letsencrypt-staging'] as const;

const isRoot = (): boolean => process.getuid?.() === 0;

/** For root the places of the system, else next to the working folder. */
export const DEFAULTS = {
  file: (): string => (isRoot() ? '/etc/linkgate/linkgate.yaml' : 'config/linkgate.yaml'),
  storage: (): string => (isRoot() ? '/var/lib/linkgate/certs' : '../certs'),
  directory: 'letsencrypt',
} as const;

/** What is wrong with an answer, or undefined: for flags and for questions alike. */
export const PROBLEMS = {
  region: (text: string): string | undefined =>
    ['us', 'eu'].includes(text) ? undefined : `region "${text}" is not us or eu`,
  domain: (text: string): string | undefined => {
    const read = configuredName(text);
    return 'problem' in read ? `domain ${read.problem}` : undefined;
  },
  email: (text: string): string | undefined =>
    text === '' || isEmailAddress(text) ? undefined : `e-mail "${text}" is not one e-mail address`,
  directory: (text: string): string | undefined =>
    (CAS as readonly string[]).includes(text) ? undefined : `CA "${text}" is not ${CAS.join(' or ')}`,
  storage: (text: string): string | undefined => (text === '' ? 'storage is empty' : undefined),
  file: (text: string): string | undefined => {
    if (text === '') return 'configuration file is empty';
    return existsSync(text) ? `configuration "${text}" exists already, and is not overwritten` : undefined;
  },
} as const;
