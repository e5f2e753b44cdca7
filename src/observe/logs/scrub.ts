// The second protection of the log: text from outside (the words of a CA, the error of a library) loses what looks like a secret or
// a click before it is written. The first protection: log-events.ts names every field that it writes.

/** Fields with these names are never written. */
const SECRET_NAME =
  /^(authorization|cookies?|set-cookie|headers|password|passphrase|secrets?|tokens?|credentials?|(private|hmac|api)?key(pem|file)?|pfx|target|path|url|query|body|address)$/i;

const HIDDEN = '[hidden]';

/** Random bytes in base64 or base64url: long, and mixed in a way that words and file names are not. */
const looksRandom = (run: string): boolean => {
  const count = (letters: RegExp): number => run.match(letters)?.length ?? 0;
  const part = run.length / 8;
  return count(/[A-Z]/g) >= part && count(/[a-z]/g) >= part && count(/\d/g) >= 1;
};

/** In this order: a rule may rely on what the rules before it have removed. */
const RULES: readonly (readonly [RegExp, string | ((run: string) => string)])[] = [
  [/-----BEGIN [A-Z0-9 ]+-----[^]*?(?:-----END [A-Z0-9 ]+-----|$)/g, '[PEM]'],
  [/\b((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[:=]\s*)[^\r\n]+/gi, `$1$2${HIDDEN}`],
  [/\b(bearer|basic)\s+[\w+/.~=-]{6,}/gi, `$1 ${HIDDEN}`],
  [
    /\b([\w-]*(?:password|passwd|passphrase|secret|token|hmac[-_ ]?key|api[-_ ]?key|private[-_ ]?key))(["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&)}]+)/gi,
    `$1$2${HIDDEN}`,
  ],
  [/:\/\/[^\s/@]*@/g, `://${HIDDEN}@`],
  // One id opens the click, open and unsubscribe links of the same mail.
  [
    /\/(e\/[co]|unsubscribe|deliveries|manage_subscription_preferences|\.well-known\/acme-challenge)\/[^\s"'<>]+/g,
    `/$1/${HIDDEN}`,
  ],
  [/\?[^\s"'<>?]+/g, `?${HIDDEN}`],
  [/[\w+/-]{32,}={0,2}/g, (run) => (looksRandom(run) ? HIDDEN : run)],
];

const LONGEST = 4_000;

/** @returns the text without what looks like a secret; a very long text is cut */
export const scrubText = (text: string): string => {
  let clean = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  for (const [pattern, by] of RULES)
    clean = typeof by === 'string' ? clean.replace(pattern, by) : clean.replace(pattern, by);
  return clean;
};

const DEEPEST = 6;

const scrubValue = (value: unknown, depth: number): unknown => {
  if (typeof value === 'string') return scrubText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEEPEST) return HIDDEN;
  if (Array.isArray(value)) return value.map((one) => scrubValue(one, depth + 1));
  if (value instanceof Uint8Array) return HIDDEN;
  return scrubFields(value as Readonly<Record<string, unknown>>, depth + 1);
};

/** A copy of the fields of a line, each string scrubbed, at every depth. */
export const scrubFields = (
  fields: Readonly<Record<string, unknown>>,
  depth = 0,
): Record<string, unknown> => {
  const clean: Record<string, unknown> = {};
  for (const name in fields) clean[name] = SECRET_NAME.test(name) ? HIDDEN : scrubValue(fields[name], depth);
  return clean;
};
