/** Header fields of HTTP/1.1 as bytes of an untrusted machine: strict, anything doubtful is a ProtocolError. */
import { ProtocolError } from './contracts.js';

/** RFC 9110 §5.6.2 */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Control characters other than tab; CR and LF among them, as a line holds none. */
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/; // eslint-disable-line no-control-regex

/** Throws at bytes no line may hold. `line`: latin1, one character a byte, without its CRLF. */
export function checkLine(line: string): void {
  if (FORBIDDEN.test(line)) throw new ProtocolError('a head holds control characters or bare line ends');
}

/** Appends name and value of one field line. */
export function parseField(line: string, into: string[]): void {
  checkLine(line);
  const colon = line.indexOf(':');
  const name = colon < 0 ? '' : line.slice(0, colon);
  // Folded lines start with a space: no token does.
  if (!TOKEN.test(name)) throw new ProtocolError('a header field has no valid name');
  into.push(name, trimmed(line, colon + 1));
}

/** Without optional white space (spaces and tabs alone) around it. */
function trimmed(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isSpace(line.charCodeAt(start))) start += 1;
  while (end > start && isSpace(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
