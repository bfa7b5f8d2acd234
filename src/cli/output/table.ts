/** Aligned columns. */
import { printable } from './printable.js';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Cells are made fit for a terminal; `paint` colours one, as wide as it stands there. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], paint: (cell: string, column: number, row: number) => string = (cell) => cell): string {
  const cells = rows.map((row) => columns.map((_, i) => printable(row[i] ?? '').replaceAll('\n', ' ')));
  const widths = columns.map(({ title }, i) => Math.max(width(title), ...cells.map((row) => width(row[i] ?? ''))));
  const line = (row: readonly string[], dress: (cell: string, column: number) => string): string =>
    row.map((cell, i) => {
      const gap = ' '.repeat((widths[i] ?? 0) - width(cell));
      return columns[i]?.align === 'right' ? gap + dress(cell, i) : dress(cell, i) + gap;
    }).join('  ').trimEnd();
  return [line(columns.map(({ title }) => title), (cell) => cell), ...cells.map((row, at) => line(row, (cell, i) => paint(cell, i, at)))].join('\n') + '\n';
}

/** `name  value` lines of one thing; those without a value are left out. */
export function facts(entries: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined && entry[1] !== '');
  const widest = Math.max(...shown.map(([name]) => width(name)));
  return shown.map(([name, value]) => `${name.padEnd(widest)}  ${printable(value).replaceAll('\n', `\n${' '.repeat(widest + 2)}`)}\n`).join('');
}

/** In characters. */
function width(text: string): number {
  return Array.from(text).length;
}
