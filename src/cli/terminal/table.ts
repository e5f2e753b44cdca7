// Columns and lines for a terminal or a file, which has no width. Knows colours only as bytes that take no room.

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

/** Columns of the terminal that a stream is; a file takes any width. */
export const widthOfStream = ({ columns }: { readonly columns?: number | undefined }): number =>
  columns === undefined || columns === 0 ? Infinity : columns;

/**
 * A table no wider than `width` where that can be: one that is too wide has the first cell of each row on a line of its own, and
 * the rest below it.
 */
export const fitTable = (rows: readonly (readonly string[])[], width: number): string => {
  const table = formatTable(rows);
  if (table.split('\n').every((line) => widthOf(line) <= width)) return table;
  const rest = formatTable(rows.map((row) => row.slice(1))).split('\n');
  return rows.map(([first = ''], index) => `${first}\n  ${rest[index] ?? ''}`).join('\n');
};

/** Lines no wider than `width`, broken between words; a longer word stands alone. */
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

/** The same as one text, each line behind a margin. */
export const wrapWithin = (text: string, width: number, margin = ''): string =>
  wrap(text, Math.max(20, width - margin.length))
    .map((line) => margin + line)
    .join('\n');
