/**
 * The binary framing of AWS's event streams: prelude (lengths and their CRC-32), headers, payload, CRC-32 of it all.
 * https://smithy.io/2.0/aws/amazon-eventstream.html
 */
import { crc32 } from 'node:zlib';

export const eventStreamType = 'application/vnd.amazon.eventstream';

const PRELUDE = 12;
const STRING_HEADER = 7;

export function eventMessage(eventType: string, payload: string, contentType: string): Buffer {
  const headers = Buffer.concat([header(':message-type', 'event'), header(':event-type', eventType), header(':content-type', contentType)]);
  const body = Buffer.from(payload, 'utf8');
  const message = Buffer.alloc(PRELUDE + headers.length + body.length + 4);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(headers.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  headers.copy(message, PRELUDE);
  body.copy(message, PRELUDE + headers.length);
  message.writeUInt32BE(crc32(message.subarray(0, -4)), message.length - 4);
  return message;
}

function header(name: string, value: string): Buffer {
  const text = Buffer.from(value, 'utf8');
  const head = Buffer.alloc(1 + name.length + 3);
  head.writeUInt8(name.length, 0);
  head.write(name, 1, 'latin1');
  head.writeUInt8(STRING_HEADER, 1 + name.length);
  head.writeUInt16BE(text.length, 2 + name.length);
  return Buffer.concat([head, text]);
}
