/**
 * Reads a tar of the guest, bytes of an untrusted machine: files, folders and symbolic links, in ustar with pax
 * records. tar-stream would keep a pax record of any announced size in memory; here all but content is bounded.
 */
import { ByteReader, drain } from './byte-reader.js';

const BLOCK = 512;
/** Of the pax records of one member: a path has at most 4 KiB, and so has a link's target. */
const PAX_MAX = 64 * 1024;

export interface TarMember {
  /** As in the archive; a folder's without its slash. */
  readonly name: string;
  readonly type: 'file' | 'folder' | 'link';
  /** Permission bits, setuid and its like included. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly modified: number;
  /** Of a link. */
  readonly target: string;
  readonly size: number;
  /** Of a file; what is not read is skipped. */
  readonly content: AsyncIterable<Buffer>;
}

const TYPES: Readonly<Record<string, TarMember['type']>> = { '0': 'file', '\0': 'file', '5': 'folder', '2': 'link' };

/** Members in order. Throws an Error at whatever is not such a tar. */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarMember> {
  const reader = new ByteReader(source);
  let records = new Map<string, string>();
  for (;;) {
    const header = await reader.read(BLOCK);
    if (header === undefined) throw new Error('the archive ends in the middle');
    if (header.every((byte) => byte === 0)) return reader.drain();
    const { type, size, ...fields } = parseHeader(header);
    if (type === 'x') {
      if (size > PAX_MAX) throw new Error(`the archive has extended headers of ${size} bytes; the limit is ${PAX_MAX}`);
      records = parseRecords((await reader.read(padded(size)))?.subarray(0, size) ?? Buffer.alloc(0));
      continue;
    }
    const kind = TYPES[type];
    const name = (records.get('path') ?? fields.name).replace(/\/$/, '');
    if (kind === undefined) throw new Error(`the archive holds ${JSON.stringify(name)} of type ${JSON.stringify(type)}, which is neither a file nor a folder nor a link`);
    const length = kind === 'file' ? nonNegative(decimal(records.get('size'), size)) : 0;
    const content = reader.stream(length);
    yield {
      name, type: kind, mode: fields.mode, size: length, content,
      modified: decimal(records.get('mtime')?.replace(/\..*$/, ''), fields.modified),
      target: kind === 'link' ? (records.get('linkpath') ?? fields.target) : '',
    };
    await drain(content);
    await drain(reader.stream(padded(length) - length));
    records = new Map();
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function parseHeader(header: Buffer): { type: string; size: number; name: string; mode: number; modified: number; target: string } {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] ?? 0);
  if (octal(header, 148, 8) !== sum || header.toString('latin1', 257, 262) !== 'ustar') throw new Error('the archive is damaged: a header has a wrong checksum');
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  return {
    type: String.fromCharCode(header[156] ?? 0), name: prefix === '' ? name : `${prefix}/${name}`,
    size: octal(header, 124, 12), mode: octal(header, 100, 8) & 0o7777, modified: octal(header, 136, 12), target: text(header, 157, 100),
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new Error('the archive holds a name that is not UTF-8', { cause: error });
  }
}

function text(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return decode(end < 0 ? field : field.subarray(0, end));
}

function octal(header: Buffer, at: number, length: number): number {
  const field = header.toString('latin1', at, at + length).replace(/[\0 ]+$/, '').trimStart();
  if (!/^[0-7]*$/.test(field)) throw new Error('the archive is damaged: a number in a header is none');
  return field === '' ? 0 : Number.parseInt(field, 8);
}

function decimal(record: string | undefined, otherwise: number): number {
  if (record === undefined) return otherwise;
  const value = Number(record);
  if (!/^-?\d{1,16}$/.test(record) || !Number.isSafeInteger(value)) throw new Error('the archive is damaged: a number in an extended header is none');
  return value;
}

/** `<length> <key>=<value>\n`, the length being that of the whole. */
function parseRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? 0 : Number(bytes.toString('latin1', at, space));
    const record = bytes.subarray(space + 1, at + length - 1);
    const equals = record.indexOf(0x3d);
    if (!Number.isInteger(length) || length <= space + 1 - at || at + length > bytes.length || bytes[at + length - 1] !== 0x0a || equals < 1) {
      throw new Error('the archive is damaged: an extended header is cut off');
    }
    records.set(decode(record.subarray(0, equals)), decode(record.subarray(equals + 1)));
    at += length;
  }
  return records;
}

function nonNegative(size: number): number {
  if (size < 0) throw new Error('the archive is damaged: a size is negative');
  return size;
}
