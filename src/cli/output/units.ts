/** Sizes, times and durations, in and out. */
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';

const KIB = 1024;

export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= KIB && unit < units.length - 1) {
    value /= KIB;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** Two units at most: `42 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function durationText(seconds: number): string {
  const parts: readonly (readonly [unit: string, seconds: number])[] = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]];
  let rest = Math.max(0, Math.round(seconds));
  const shown: string[] = [];
  for (const [unit, size] of parts) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) shown.push(`${count} ${unit}`);
    else if (shown.length > 0) break;
    if (shown.length === 2) break;
  }
  return shown.join(' ') || '0 s';
}

export function millisText(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(ms < 100 ? 3 : 2)} s` : durationText(ms / 1000);
}

/** `epochSeconds` as the person's clock is not asked for: UTC, to the second. */
export function timeText(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

export function ageText(epochSeconds: number): string {
  return durationText(Date.now() / 1000 - epochSeconds);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, min: 60, h: 3_600, d: 86_400 };

/** `90`, `90s`, `15m`, `1h30m`. Throws CliError that names the option. */
export function parseDuration(text: string, option: string): number {
  const match = /^(?:\d+(?:s|min|m|h|d)?)+$/.exec(text);
  const parts = [...text.matchAll(/(\d+)(s|min|m|h|d)?/g)];
  if (match === null || (parts.length > 1 && parts.some(([, , unit]) => unit === undefined))) {
    throw new CliError(EXIT.usage, `${option} ${text}: is no duration`, ['write it as 90s, 15m, 8h or 1h30m; a bare number is seconds']);
  }
  return parts.reduce((sum, [, count = '0', unit = '']) => sum + Number(count) * (UNIT_SECONDS[unit] ?? 1), 0);
}
