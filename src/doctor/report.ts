/** Findings as text for people. */
import type { Finding, Level } from './contracts.js';

const LEVELS: readonly Level[] = ['ok', 'note', 'warning', 'error'];

export function summary(findings: readonly Finding[]): Record<Level, number> {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  return { ok: count('ok'), note: count('note'), warning: count('warning'), error: count('error') };
}

/** A line for each finding, why and how to fix it below, and a last line with the counts. */
export function text(findings: readonly Finding[]): string {
  const nameWidth = Math.max(0, ...findings.map(({ check }) => check.length));
  const levelWidth = Math.max(...LEVELS.map((level) => level.length));
  const margin = ' '.repeat(levelWidth + nameWidth + 4);
  const lines = findings.flatMap(({ level, check, seen, why, fix }) => [
    `${level.padEnd(levelWidth)}  ${check.padEnd(nameWidth)}  ${seen}`,
    ...(level === 'ok' || why === undefined ? [] : [`${margin}why: ${why}`]),
    ...(level === 'ok' || fix === undefined ? [] : [`${margin}fix: ${fix}`]),
  ]);
  const counts = summary(findings);
  return `${[...lines, '', `${counts.ok} ok, ${plural(counts.note, 'note')}, ${plural(counts.warning, 'warning')}, ${plural(counts.error, 'error')}`].join('\n')}\n`;
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
