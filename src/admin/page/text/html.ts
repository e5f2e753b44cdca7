// HTML that is safe by default: whatever is put into the template is text, unless it came out of this template itself. There is no
// other way to make an `Html`.

class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type { Html };

/** `false`, null and undefined are nothing, so that parts can be left out. */
export type Part = Html | string | number | false | null | undefined | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escape = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

const shown = (part: Part): string => {
  if (part instanceof Html) return part.toString();
  if (part === false || part === null || part === undefined) return '';
  if (typeof part === 'object') return part.map(shown).join('');
  return escape(String(part));
};

/** Attributes stand in double quotes, and what is put into a tag, a script or a style is never a name. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.map((text, index) => text + (index < parts.length ? shown(parts[index]) : '')).join(''));

/** What stands between backticks, as messages write commands, becomes code. */
export const withCode = (text: string): Html =>
  html`${text.split('`').map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece))}`;
