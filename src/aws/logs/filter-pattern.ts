/**
 * Filter patterns for text: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 *
 *     ERROR "two words"   both are in the event, in any place and order; upper and lower case differ
 *     ?ERROR ?WARN        at least one of them is
 *     ERROR -DEBUG        the one is, the other is not
 *
 * A term is found inside words too, and may have characters that AWS wants quoted. `?` terms beside others are ignored, as
 * AWS's guide says. Patterns for JSON `{…}`, for columns `[…]` and regular expressions `%…%` are refused. Unknown: logs-term-match
 */
import { invalid } from './operation.js';

/** Throws LogsError InvalidParameterException. */
export function filterPattern(pattern: string): (text: string) => boolean {
  const trimmed = pattern.trim();
  if (trimmed === '') return () => true;
  if (trimmed.startsWith('{')) throw invalid('Invalid filter pattern: this server does not serve patterns for JSON events ({ … }); use terms, e.g. ERROR "time out" -DEBUG');
  if (trimmed.startsWith('[')) throw invalid('Invalid filter pattern: this server does not serve patterns for columns ([ … ]); use terms, e.g. ERROR "time out" -DEBUG');
  const all: string[] = [];
  const any: string[] = [];
  const none: string[] = [];
  for (const { sign, term } of termsOf(trimmed)) (sign === '?' ? any : sign === '-' ? none : all).push(term);
  if (all.length > 0 || none.length > 0) return (text) => all.every((term) => text.includes(term)) && !none.some((term) => text.includes(term));
  return (text) => any.some((term) => text.includes(term));
}

function* termsOf(pattern: string): Generator<{ sign: string; term: string }> {
  const term = /\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)/gy;
  let at = 0;
  for (let match = term.exec(pattern); match !== null; match = term.exec(pattern)) {
    const [whole, sign = '', quoted, plain = ''] = match;
    at += whole.length;
    if (quoted === undefined && /^%.*%$/.test(plain)) throw invalid('Invalid filter pattern: this server does not serve regular expressions (%…%); use terms');
    yield { sign, term: quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1') };
  }
  if (at < pattern.length) throw invalid(`Invalid filter pattern: cannot read it from '${pattern.slice(at, at + 40)}' on; quotes come in pairs, with a space between terms`);
}
