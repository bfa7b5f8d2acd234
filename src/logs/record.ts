/**
 * One log event as one line of a segment file:
 *
 *     <ISO time> TAB <order> TAB <ingested> TAB <text> LF
 *
 * Time for people, order and ingestion as 13 digits of ms since 1970 (`contracts.ts` has their meaning), text with
 * backslash, LF and CR escaped, so that no text of a guest can end a record or begin another.
 */
export interface LogRecord {
  readonly time: number;
  readonly order: number;
  readonly ingested: number;
  readonly text: string;
}

/** The last ms that 13 digits tell, in the year 2286. */
export const MAX_TIME = 9_999_999_999_999;

const HEADER = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\t(\d{13})\t(\d{13})\t/;
const HEADER_LENGTH = 53;

export function encodeRecord(record: LogRecord): string {
  return `${new Date(record.time).toISOString()}\t${digits(record.order)}\t${digits(record.ingested)}\t${escape(record.text)}\n`;
}

/** undefined for a line that is no record, as a crash in the middle of a write leaves. `line` comes without its LF. */
export function decodeRecord(line: string): LogRecord | undefined {
  const match = HEADER.exec(line);
  if (match === null) return undefined;
  const time = Date.parse(match[1] ?? '');
  if (Number.isNaN(time)) return undefined;
  return { time, order: Number(match[2]), ingested: Number(match[3]), text: unescape(line.slice(HEADER_LENGTH)) };
}

/** The longest beginning of `text` that takes at most `max` bytes of UTF-8. */
export function cutText(text: string, max: number): string {
  if (text.length * 3 <= max || Buffer.byteLength(text) <= max) return text;
  const bytes = Buffer.from(text, 'utf8');
  let end = max;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--; // not inside a character
  return bytes.toString('utf8', 0, end);
}

function digits(ms: number): string {
  return String(ms).padStart(13, '0');
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };
const unescapes: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r' };

function escape(text: string): string {
  return text.replace(/[\\\n\r]/g, (char) => escapes[char] ?? char);
}

function unescape(text: string): string {
  return text.includes('\\') ? text.replace(/\\[\\nr]/g, (pair) => unescapes[pair] ?? pair) : text;
}
