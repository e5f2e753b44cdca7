// A log line for people: time, level, process, message, then the fields. It is made from the JSON that a file would get, so that both
// say the same. No field can move the cursor or colour the terminal.

const COLOURS: Readonly<Record<string, string>> = {
  trace: '2',
  debug: '2',
  info: '32',
  warn: '33',
  error: '31',
  fatal: '31',
};

/** Words need no quotes. */
const PLAIN = /^[\w.:/@%+,*[\]-]+$/;

/** JSON leaves C1 controls and DEL as they are. */
const escapeControls = (text: string): string =>
  text.replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const valueText = (value: unknown): string => {
  if (typeof value === 'string' && PLAIN.test(value)) return value;
  return value === undefined ? '' : escapeControls(JSON.stringify(value));
};

interface Shown {
  readonly time?: unknown;
  readonly level?: unknown;
  readonly role?: unknown;
  readonly pid?: unknown;
  readonly event?: unknown;
  readonly message?: unknown;
}

const flat = (name: string, value: unknown): readonly (readonly [string, unknown])[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, inner]) => flat(`${name}.${key}`, inner))
    : [[name, value]];

const stackText = (stack: unknown): string =>
  typeof stack === 'string'
    ? stack
        .split('\n')
        .map((line) => `\n    ${escapeControls(JSON.stringify(line).slice(1, -1))}`)
        .join('')
    : '';

/**
 * @param json - one line as pino writes it
 * @param colour - whether the output is a terminal that shows colours
 * @returns the same for people, with a line end; the line itself when it is no JSON
 */
export const prettyLine = (json: string, colour: boolean): string => {
  let parsed: Shown & Readonly<Record<string, unknown>>;
  try {
    parsed = JSON.parse(json) as typeof parsed;
  } catch {
    return json;
  }
  const { time, level, role, pid, event, message, ...fields } = parsed;
  const paint = (code: string | undefined, text: string): string =>
    colour && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text;
  const pairs = Object.entries(fields).flatMap(([name, value]) => flat(name, value));
  const stack = pairs.find(([name]) => name.endsWith('.stack'))?.[1];
  const shown = pairs
    .filter(([name, value]) => value !== null && !name.endsWith('.stack'))
    .map(([name, value]) => ` ${paint('2', `${name}=`)}${valueText(value)}`);
  const word = String(level).padEnd(5);
  return [
    paint('2', String(time)),
    ` ${paint(COLOURS[String(level)], word)}`,
    ` ${paint('2', `${String(role)}[${String(pid)}]`)}`,
    ` ${paint('1', valueText(message).replaceAll(/^"|"$/g, ''))}`,
    ` ${paint('2', valueText(event))}`,
    ...shown,
    stackText(stack),
    '\n',
  ].join('');
};
