/** What of a request and its answer a record may hold: no secret, no token, no payload, and only so much. */

/** CloudTrail's own text. */
export const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

/** Names of members whose values are never recorded, at any depth, whatever they are. */
const SECRET = /secret|token|password|credential|authorization|payload|environmentVariables|logEvents/i;
const MAX_TEXT = 1024; // characters
const MAX_ITEMS = 100;
const MAX_DEPTH = 8;
const MAX_JSON = 8 * 1024; // characters

/** null for what is absent. */
export function redact(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  const kept = visit(value, 0);
  const size = JSON.stringify(kept).length;
  return size <= MAX_JSON ? kept : { omitted: `${size} characters, more than the ${MAX_JSON} a record has room for` };
}

function visit(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => visit(item, depth + 1));
  const members = Object.entries(value).filter(([, member]) => member !== undefined).slice(0, MAX_ITEMS);
  return Object.fromEntries(members.map(([name, member]) => [cut(name), SECRET.test(name) ? HIDDEN : visit(member, depth + 1)]));
}

export function cut(text: string, max = MAX_TEXT): string {
  return text.length <= max ? text : `${text.slice(0, max)}…`;
}
