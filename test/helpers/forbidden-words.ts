// Words that must not stand in the project's files, each with the place it is forbidden in and what to do instead.

import { homedir } from 'node:os';

interface Rule {
  readonly pattern: RegExp;
  /** which paths it holds for */
  readonly where: RegExp;
  readonly except?: RegExp;
  readonly instead: string;
}

const CODE = /^(src|test|bench|config|systemd|\.ci|\.github)\/|^package\.json$/;
const TESTS = /^test\/.*\.ts$/;
const HELPERS = /^test\/helpers\//;

const RULES: readonly Rule[] = [
  {
    pattern:
      /rejectUnauthorized['"]?\s*[:=]\s*false|NODE_TLS_REJECT_UNAUTHORIZED|\bcurl\b.*\s(-k|--insecure)\b/,
    where: CODE,
    // asks for challenge certificates, which are self-signed (RFC 8737 §3), and checks them itself
    instead: 'TLS is always verified: pass the CA',
  },
  {
    pattern: /\b(t|test|tap)\.only\(|\bonly:\s*true/,
    where: TESTS,
    instead: 'a narrowed suite proves nothing',
  },
  {
    pattern: /\b(skip|todo):(?!\s*(needs(Root)?\(|\d))|\bt\.(skip|todo)\(/,
    where: TESTS,
    instead: "a test skips by `{ skip: needs('program') }` or `needsRoot()` alone",
  },
  {
    // a promise around a bare timer; a callback timer that is the thing under test is fine
    pattern:
      /\bset(Timeout|Interval)\b[^;]*timers\/promises|timers\/promises'\)|new Promise\b[^;{]*\bsetTimeout\(|\bpromisify\(setTimeout/,
    where: TESTS,
    except: HELPERS,
    instead: 'no sleeping for luck: await the event, use a fake clock, or until() with a deadline',
  },
  {
    pattern: /AbortSignal\.any\([^;]*AbortSignal\.timeout/,
    where: CODE,
    instead: 'in Node 20 such a timeout is collected as garbage and never comes: startDeadline()',
  },
  {
    pattern: /\bconsole\.\w/,
    where: /^src\//,
    instead: 'commands write to stdout, everything else is a log line',
  },
  {
    pattern: /@ts-ignore|@ts-nocheck|@ts-expect-error\s*$/m,
    where: /\.ts$/,
    instead: 'fix the type, or say why after @ts-expect-error',
  },
  {
    pattern: /PRIVATE KEY-----(\\n|\s)+[A-Za-z0-9+/=]{40}/,
    where: /./,
    instead: 'no key is committed: make one in the test',
  },
  ...[
    [/\bkeepers?\b/i, 'supervisor'],
    [/\b[Gg]ates?\b|(?<![A-Za-z])GateError|createGate/, 'worker, LinkgateError'],
    [/\bdepart(ed|ures?)\b/i, 'removed domain'],
    [/corridor/i, 'path'],
    [/waiting[- ]?room/i, 'first bytes'],
    [/by-hand|byHand/i, 'manual operations'],
    [/(?<!Front )\bdoors? [123]\b/i, 'port 1, 2 or 3 (core/ports.ts)'],
    [/\bpatients?\b/i, 'target'],
  ].map(([pattern, instead]) => ({
    pattern: pattern as RegExp,
    where: /^(src|docs|deploy|systemd|config)\/|^README\.md$/,
    instead: `the word is ${instead as string}`,
  })),
  ...[
    [/\bwish(es|ed)?\b/i, 'renewalInfo, or OrderOptions'],
    [/\bbeside\b/i, 'next to, or as well as'],
    [/\banew\b|looks? ?anew/i, 'again'],
    [/\blook(s|ed|ing)? again\b|lookAgain/i, 'refresh, or poll'],
    [/\bmend(s|ed|ing)?\b/i, 'fix'],
    [/\bbooks\b/i, 'attempt records'],
    [/\bheed(s|ed|ing)?\b/i, 'use, or obey'],
    [/\bwhoever\b/i, 'the noun that is meant'],
  ].map(([pattern, instead]) => ({
    pattern: pattern as RegExp,
    where: /^(src|docs|deploy|systemd|config|test)\/|^(README|CONTRIBUTING|SECURITY)\.md$/,
    instead: `plain English: ${instead as string}`,
  })),
  { pattern: /\/(home|Users)\/(?!runner\b)[a-z][\w.-]*\//, where: /./, instead: 'a path of one machine' },
];

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** Where this very clone stands, and the home of who runs it: they belong in no file. */
const ownPaths = (root: string): Rule[] =>
  [root.replace(/\/+$/, ''), homedir()]
    .filter((path) => path.length > 1)
    .map((path) => ({
      pattern: new RegExp(String.raw`(?<![\w.~-])${escape(path)}/`),
      where: /./,
      instead: 'a path of one machine',
    }));

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/**
 * @param path - relative to the project, with `/`
 * @param root - absolute path of the project
 * @returns complaints as `path:line: 'word': what to do instead`, one a rule
 */
export const findForbiddenWords = (path: string, text: string, root: string): string[] =>
  [...RULES, ...ownPaths(root)]
    .filter((rule) => rule.where.test(path) && rule.except?.test(path) !== true)
    .flatMap((rule) => {
      const match = rule.pattern.exec(text);
      return match === null
        ? []
        : [`${path}:${lineOf(text, match.index)}: '${match[0].trim()}': ${rule.instead}`];
    });
