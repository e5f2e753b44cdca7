// Columns and lines for a terminal, or for a file, which has no width. Colours are bytes that take no room.

import { stripVTControlCharacters } from 'node:util';

const widthOf = (cell: string): number => stripVTControlCharacters(cell).length;

/** Columns as wide as their widest cell, two spaces between, none at the end of a line. */
export const formatTable = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

/** The columns of a terminal; a file takes any width. */
export const widthOfStream = ({ columns }: { readonly columns?: number | undefined }): number =>
  columns === undefined || columns === 0 ? Infinity : columns;

/**
 * A table that is no wider than `width`, when that is possible: in a table that is too wide, the first cell of each row has its own
 * line, and the rest is below it.
 */
export const fitTable = (rows: readonly (readonly string[])[], width: number): string => {
  const table = formatTable(rows);
  if (table.split('\n').every((line) => widthOf(line) <= width)) return table;
  const rest = formatTable(rows.map((row) => row.slice(1))).split('\n');
  return rows.map(([first = ''], index) => `${first}\n  ${rest[index] ?? ''}`).join('\n');
};

/** Lines no wider than `width`, broken between words; a longer word has its own line. */
export const wrap = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
};

/** The same lines as one text, with a margin before each. */
export const wrapWithin = (text: string, width: number, margin = ''): string =>
  wrap(text, Math.max(20, width - margin.length))
    .map((line) => margin + line)
    .join('\n');
