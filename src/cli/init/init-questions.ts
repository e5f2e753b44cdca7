// The questions of `linkgate init`, one for each answer that no flag gave. It checks while a person types, and writes nothing.

import { cancel, confirm, intro, isCancel, log, select, spinner, text } from '@clack/prompts';
import { isIP } from 'node:net';
import { findTarget } from '../../app/commands/dns.ts';
import { configuredName } from '../../config/values/configured-name.ts';
import { isDomainName, normalizeName } from '../../core/domain-name.ts';
import type { Region } from '../../core/settings.ts';
import type { Finding } from '../../doctor/examination/findings.ts';
import { wrap } from '../terminal/table.ts';
import { DEFAULTS, PROBLEMS, type Answered, type Given } from './init-answers.ts';

/** Ctrl-C or Escape at a question. */
class Cancelled extends Error {}

const answer = <T>(given: T): Exclude<T, symbol> => {
  if (isCancel(given)) throw new Cancelled();
  return given as Exclude<T, symbol>;
};

const DIRECTORY_HINTS = [
  { value: 'letsencrypt', label: "Let's Encrypt" },
  {
    value: 'letsencrypt-staging',
    label: "Let's Encrypt staging",
    hint: 'for a test; no browser trusts it',
  },
] as const;

const askRegion = async (): Promise<Region> =>
  answer(
    await select<Region>({
      message: 'Where does your Customer.io account live?',
      options: [
        { value: 'us', label: 'US', hint: 'fly.customer.io' },
        { value: 'eu', label: 'EU', hint: 'fly-eu.customer.io' },
      ],
    }),
  );

/** Shows what is in the way of http links. @returns false when the person gives the name up for it */
const acceptsHsts = async (
  name: string,
  askAbove: (name: string) => Promise<readonly Finding[]>,
): Promise<boolean> => {
  const looking = spinner();
  looking.start(`asking the domains above ${name} for HSTS`);
  const findings = await askAbove(name);
  looking.stop(findings.length === 0 ? 'no HSTS above it' : 'HSTS above it');
  const width = (process.stdout.columns ?? 80) - 4;
  for (const { what, why, remedy } of findings) {
    log.warn([what, why, `→ ${remedy}`].flatMap((line) => wrap(line, width)).join('\n'));
  }
  if (findings.length === 0) return true;
  return answer(await confirm({ message: `Use ${name} anyway?`, initialValue: false }));
};

const askDomains = async (
  askAbove: (name: string) => Promise<readonly Finding[]>,
): Promise<readonly string[]> => {
  const names: string[] = [];
  for (;;) {
    const first = names.length === 0;
    const typed = answer(
      await text({
        message: first ? 'Which domain do your links have?' : 'Another domain? (Enter: no)',
        placeholder: first ? 'links.example.com' : '',
        validate: (value = '') => {
          if (value === '' && !first) return undefined;
          const read = configuredName(value.trim());
          if ('problem' in read) return value === '' ? 'a name is needed' : read.problem;
          return names.includes(read.name) ? `you gave ${read.name} already` : undefined;
        },
      }),
    );
    const read = configuredName(typed.trim());
    if ('problem' in read) return names;
    if (await acceptsHsts(read.name, askAbove)) names.push(read.name);
  }
};

/** Asks only when this machine has no public address of its own. */
const askTarget = async (): Promise<readonly string[]> => {
  try {
    findTarget([], { host: '0.0.0.0', port: 443 });
    return [];
  } catch {
    const typed = answer(
      await text({
        message: 'At which public address or name does the internet reach this machine?',
        placeholder: '203.0.113.7',
        validate: (value = '') =>
          isIP(value.trim()) !== 0 || isDomainName(normalizeName(value.trim()))
            ? undefined
            : 'give an IP address, or a name that a CNAME can lead to',
      }),
    );
    return [typed.trim()];
  }
};

const ask = (message: string, initialValue: string, problem: (value: string) => string | undefined) =>
  text({ message, initialValue, validate: (value = '') => problem(value.trim()) }).then((value) =>
    answer(value).trim(),
  );

/** @returns undefined when the person stopped */
export const askForAnswers = async (
  given: Given,
  askAbove: (name: string) => Promise<readonly Finding[]>,
): Promise<Answered | undefined> => {
  intro('linkgate init: a first configuration (Ctrl-C writes nothing)');
  try {
    const region = given.region ?? (await askRegion());
    const domains = given.domains ?? (await askDomains(askAbove));
    for (const name of given.domains ?? []) {
      if (!(await acceptsHsts(name, askAbove))) throw new Cancelled();
    }
    const directory =
      given.directory ??
      answer(
        await select<string>({ message: 'Which CA issues the certificates?', options: [...DIRECTORY_HINTS] }),
      );
    const email = given.email ?? (await ask('E-mail address for the CA (Enter: none)', '', PROBLEMS.email));
    const storage =
      given.storage ?? (await ask('Folder for certificates and keys', DEFAULTS.storage(), PROBLEMS.storage));
    const to = given.to.length > 0 ? given.to : await askTarget();
    const file =
      given.file ?? (await ask('Where to write the configuration', DEFAULTS.file(), PROBLEMS.file));
    return { file, to, answers: { region, domains, directory, email, storage } };
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    cancel('stopped');
    return undefined;
  }
};
