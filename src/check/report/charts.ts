/** Charts as inline SVG. What they show is in a table of the page too. */
import { escape } from './escape.js';

const WIDTH = 720;
const LEFT = 150;
const RIGHT = 90;
const ROW = 46;
const TOP = 8;
const SCALE = 28;

export interface DotRow {
  readonly name: string;
  readonly values: readonly number[];
  /** Lines across the row, e.g. percentiles. */
  readonly marks: readonly { readonly name: string; readonly value: number }[];
}

/** A row of dots for each series on one scale from 0, with marks. */
export function dotChart(title: string, rows: readonly DotRow[], show: (value: number) => string): string {
  const top = niceTop(Math.max(0, ...rows.flatMap(({ values, marks }) => [...values, ...marks.map(({ value }) => value)]).filter(Number.isFinite)));
  const x = (value: number): number => LEFT + (value / top) * (WIDTH - LEFT - RIGHT);
  const body = rows.flatMap(({ name, values, marks }, index) => {
    const middle = TOP + index * ROW + ROW / 2;
    return [
      label(name, middle),
      ...values.filter(Number.isFinite).map((value) => `<circle class="dot" cx="${at(x(value))}" cy="${at(middle)}" r="4"/>`),
      // Names that would lie on each other are left to the table.
      ...marks.filter(({ value }) => Number.isFinite(value)).map(({ name: of, value }, nth) =>
        `<line class="tick" x1="${at(x(value))}" x2="${at(x(value))}" y1="${at(middle - 9)}" y2="${at(middle + 9)}"/>${clear(marks, nth, x) ? `<text x="${at(x(value))}" y="${at(middle - 13)}" text-anchor="middle">${escape(of)}</text>` : ''}`),
    ];
  });
  return svg(title, TOP + rows.length * ROW, [...axis(top, rows.length, x, show), ...body]);
}

function clear(marks: DotRow['marks'], nth: number, x: (value: number) => number): boolean {
  const [before, here] = [marks[nth - 1], marks[nth]];
  return before === undefined || here === undefined || x(here.value) - x(before.value) > 26;
}

export interface BarRow {
  readonly name: string;
  /** Parts with the same place in each row have the same colour. */
  readonly parts: readonly { readonly name: string; readonly value: number }[];
}

/** A bar of parts for each row on one scale from 0, its sum beside it. */
export function barChart(title: string, rows: readonly BarRow[], show: (value: number) => string): string {
  const sums = rows.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const top = niceTop(Math.max(0, ...sums));
  const x = (value: number): number => LEFT + (value / top) * (WIDTH - LEFT - RIGHT);
  const body = rows.flatMap(({ name, parts }, index) => {
    const middle = TOP + index * ROW + ROW / 2;
    let from = 0;
    return [
      label(name, middle),
      ...parts.map(({ name: of, value }, nth) => {
        const start = x(from);
        from += value;
        return value === 0 ? '' : `<rect class="s${nth % 8}" x="${at(start)}" y="${at(middle - 10)}" width="${at(x(from) - start)}" height="20"><title>${escape(`${of}: ${show(value)}`)}</title></rect>`;
      }),
      `<text x="${at(x(from) + 6)}" y="${at(middle + 4)}">${escape(show(from))}</text>`,
    ];
  });
  const names = rows[0]?.parts.map(({ name }) => name) ?? [];
  const keys = names.map((name, nth) => {
    const [column, line] = [nth % 3, Math.floor(nth / 3)];
    const y = TOP + rows.length * ROW + SCALE + line * 20;
    return `<rect class="s${nth % 8}" x="${at(8 + column * 236)}" y="${at(y)}" width="12" height="12"/><text x="${at(26 + column * 236)}" y="${at(y + 10)}">${escape(name)}</text>`;
  });
  return svg(title, TOP + rows.length * ROW + Math.ceil(names.length / 3) * 20, [...axis(top, rows.length, x, show), ...body, ...keys]);
}

function svg(title: string, height: number, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${WIDTH} ${at(height + SCALE)}" role="img" aria-label="${escape(title)}"><title>${escape(title)}</title>${parts.join('')}</svg>`;
}

function axis(top: number, rows: number, x: (value: number) => number, show: (value: number) => string): string[] {
  const bottom = TOP + rows * ROW;
  return [0, 0.25, 0.5, 0.75, 1].map((share) =>
    `<line class="axis" x1="${at(x(top * share))}" x2="${at(x(top * share))}" y1="${TOP}" y2="${at(bottom)}"/><text class="soft" x="${at(x(top * share))}" y="${at(bottom + 16)}" text-anchor="middle">${escape(show(top * share))}</text>`);
}

const label = (name: string, middle: number): string => `<text x="8" y="${at(middle + 4)}">${escape(name)}</text>`;
const at = (value: number): string => (Math.round(value * 10) / 10).toString();

/** The next of a few steps × a power of ten, a quarter of which reads well; 1 for nothing. */
export function niceTop(highest: number): number {
  if (!(highest > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  return ([1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].find((step) => step * power >= highest * (1 - 1e-9)) ?? 10) * power;
}
