// Colours for people at a terminal, and for no other reader (https://no-color.org).

export type Paint = (text: string) => string;

export interface Colours {
  readonly green: Paint;
  readonly amber: Paint;
  readonly red: Paint;
  readonly dim: Paint;
  readonly bold: Paint;
}

const plain: Paint = (text) => text;
const sgr =
  (on: number, off: number): Paint =>
  (text) =>
    text === '' ? '' : `\u001B[${on}m${text}\u001B[${off}m`;

const NONE: Colours = { green: plain, amber: plain, red: plain, dim: plain, bold: plain };
const ALL: Colours = {
  green: sgr(32, 39),
  amber: sgr(33, 39),
  red: sgr(31, 39),
  dim: sgr(2, 22),
  bold: sgr(1, 22),
};

/** No colours for a file, a pipe, a `dumb` terminal, and when NO_COLOR is set to anything. */
export const coloursFor = (
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Colours =>
  stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' ? ALL : NONE;
