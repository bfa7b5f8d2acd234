/** `*` stands for any run of characters, also none; `?` for exactly one. */

/**
 * Does `pattern` match the whole of `text`? Time is at most the product of both lengths: after a mismatch only the
 * last star takes one character more, so that a policy of many stars cannot stall the server.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resumeAt = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resumeAt = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Parts of an ARN: `arn:partition:service:region:account:resource`; the resource may hold colons. */
const ARN_PARTS = 6;

/**
 * As ArnLike and the Resource element: each of the six parts is matched for itself, so that a star in one never
 * reaches into the next. `*` alone matches everything; what is no ARN matches only as plain text.
 */
export function matchesArn(pattern: string, arn: string): boolean {
  if (pattern === '*') return true;
  const wanted = splitArn(pattern);
  const given = splitArn(arn);
  if (wanted === undefined || given === undefined) return pattern === arn;
  return wanted.every((part, i) => matchesWildcard(part, given[i] ?? ''));
}

function splitArn(text: string): readonly string[] | undefined {
  const parts = text.split(':');
  if (parts.length < ARN_PARTS) return undefined;
  return [...parts.slice(0, ARN_PARTS - 1), parts.slice(ARN_PARTS - 1).join(':')];
}
