/** Values as people read them. */

const DAY = 86_400;

/** 4 s · 3 min 20 s · 2 h 5 min · 3 d 4 h */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return join(Math.floor(s / 60), 'min', s % 60, 's');
  if (s < DAY) return join(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
  return join(Math.floor(s / DAY), 'd', Math.floor((s % DAY) / 3600), 'h');
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

export function milliseconds(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** One unit is enough for what was long ago. */
export function ago(seconds: number, now = Date.now() / 1000): string {
  const past = now - seconds;
  if (past < 5) return 'just now';
  return `${duration(past).split(' ').slice(0, 2).join(' ')} ago`;
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export function dateTime(seconds: number): string {
  return day.format(seconds * 1000);
}

export function timeOfDay(seconds: number): string {
  return clock.format(seconds * 1000);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(count: number): string {
  const power = count < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power] ?? ''}`;
}

export function vcpus(used: number): string {
  return `${used < 0.1 ? used.toFixed(3) : used.toFixed(2)} vCPU`;
}

const SMALLEST_DOLLARS = 0.00001;

/** Cents are coarse for what costs fractions of them. */
export function dollars(amount: number): string {
  if (amount === 0) return '$0';
  if (amount < SMALLEST_DOLLARS) return `<$${SMALLEST_DOLLARS.toFixed(5)}`;
  return `$${amount >= 1 ? amount.toFixed(2) : amount.toPrecision(3)}`;
}

export function quantity(value: number): string {
  return value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 4 : 1 });
}

/** Enough of an id to tell it from others. */
export function shortId(id: string): string {
  return id.replace(/^(microvm|nc)-/, '').slice(0, 8);
}

export function lastOfArn(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}
