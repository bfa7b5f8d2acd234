/** Figures of a series: medians and spread, never a single number. */
export interface Series {
  readonly n: number;
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

export function summarise(values: readonly number[]): Series {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (quantile: number): number => sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? Number.NaN;
  const middle = sorted.length / 2;
  const median = sorted.length % 2 === 1 ? at(0.5) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
  return { n: sorted.length, min: at(0), median, p95: at(0.95), max: sorted.at(-1) ?? Number.NaN };
}

export function row(name: string, series: Series, unit: string, digits = 0): string {
  const text = (value: number): string => value.toFixed(digits).padStart(8);
  return `${name.padEnd(48)} n ${String(series.n).padStart(3)}  min ${text(series.min)}  median ${text(series.median)}  p95 ${text(series.p95)}  max ${text(series.max)} ${unit}`;
}
