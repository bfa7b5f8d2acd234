/** Numbers for people. */
export const fixed = (value: number, digits: number): string => value.toFixed(digits);

export const ms = (value: number): string => (Number.isFinite(value) ? `${Math.round(value)} ms` : '–');

/** US dollars; small sums keep three digits that matter. */
export function dollars(value: number): string {
  return `$${value >= 1 || value === 0 ? value.toFixed(2) : value.toPrecision(3)}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(value: number): string {
  const step = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** step;
  return `${scaled >= 100 || step === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${UNITS[step] ?? ''}`;
}

/** e.g. `7 h 20 min`, `45 s`. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
}
