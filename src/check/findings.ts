/** Findings, and what they come to. */
import type { Finding, Section, SectionName, Verdict } from './types.js';

/** `seen` against a rule. */
export function finding(name: string, expected: string, seen: string, held: boolean): Finding {
  return { name, expected, seen, outcome: held ? 'held' : 'failed' };
}

export const notChecked = (name: string, expected: string, why: string): Finding => ({ name, expected, seen: why, outcome: 'not-checked' });

export const info = (name: string, seen: string): Finding => ({ name, expected: '', seen, outcome: 'info' });

export function verdictOf(findings: readonly Finding[]): Verdict {
  if (findings.some(({ outcome }) => outcome === 'failed')) return 'fail';
  return findings.some(({ outcome }) => outcome === 'held') ? 'pass' : 'incomplete';
}

export function section<Name extends SectionName, Data>(name: Name, title: string, findings: readonly Finding[], data?: Data): Section<Name, Data> {
  return { name, title, verdict: verdictOf(findings), findings, ...(data === undefined ? {} : { data }) };
}

export function overall(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('fail')) return 'fail';
  return verdicts.length === 0 || verdicts.includes('incomplete') ? 'incomplete' : 'pass';
}
