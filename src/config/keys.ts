/**
 * Names of settings: TARDIGRADE_API_PORT in the environment is `api.port` in the file. The second follows from the
 * first, so neither can be forgotten.
 */

/** First words of variables that are a section of the file. */
const SECTIONS = ['api', 'audit', 'build', 'console', 'egress', 'endpoint', 'events', 'gc', 'guest', 'link', 'log', 'metadata', 'metrics', 'otlp', 's3', 'sts', 'tls', 'tracing', 'vm', 'webhook'];
const PREFIX = 'TARDIGRADE_';

/** A key in the file: at most one section, then the name. */
export type Path = readonly [name: string] | readonly [section: string, name: string];

export function pathOf(variable: string): Path {
  const [first = '', ...rest] = variable.slice(PREFIX.length).toLowerCase().split('_');
  return SECTIONS.includes(first) && rest.length > 0 ? [first, camelCase(rest)] : [camelCase([first, ...rest])];
}

/** As it is written in messages and documents: `api.port`. */
export function keyOf(variable: string): string {
  return pathOf(variable).join('.');
}

/** May the value be shown? A file's name may, also that of a file with a secret. */
export function isSecret(variable: string): boolean {
  return /_(SECRET|TOKEN|PASSWORD|HEADERS)(_|$)/.test(variable) && !variable.endsWith('_FILE');
}

/** Of `candidates` the one that takes the fewest changes to become `word`; none takes fewer than half of it. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: { readonly candidate: string; readonly changes: number } | undefined;
  for (const candidate of candidates) {
    const changes = distance(word.toLowerCase(), candidate.toLowerCase());
    if (changes <= Math.max(2, word.length / 2) && (best === undefined || changes < best.changes)) best = { candidate, changes };
  }
  return best?.candidate;
}

/** Levenshtein's: letters put in, left out or exchanged. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(b).entries()) next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    row = next;
  }
  return row.at(-1) ?? 0;
}

function camelCase(words: readonly string[]): string {
  return words.map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
}
