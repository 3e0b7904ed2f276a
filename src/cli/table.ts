import { stripVTControlCharacters } from 'node:util';
import type { Io } from './io.ts';
import { paint } from './io.ts';

/**
 * Columns padded to their widest cell, headings dimmed on a terminal; the last column is never padded, so that lines
 * can be cut and pasted. Cells may be painted already. Returns lines without newlines; no rows give no lines.
 */
export function table(io: Pick<Io, 'colour'>, headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const width = headings.map((heading, i) => rows.reduce((w, row) => Math.max(w, visible(row[i] ?? '')), visible(heading)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell + ' '.repeat((width[i] ?? 0) - visible(cell))))
      .join('  ')
      .trimEnd();
  return [paint(io, 'dim', line(headings)), ...rows.map(line)];
}

function visible(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}
