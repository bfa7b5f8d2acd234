/** Frames of `exec` and its kin: 1 byte type, 4 bytes big-endian length, payload. Bytes of an untrusted machine. */
import { GuestAgentError } from './contracts.js';

export const FRAME = { stdin: 0, stdout: 1, stderr: 2, exit: 3, resize: 4, signal: 5 } as const;
/** Cap of a payload, in bytes. */
export const FRAME_MAX = 1024 * 1024;
const HEADER = 5;

export type GuestFrame = { readonly type: 'stdout' | 'stderr'; readonly payload: Buffer } | { readonly type: 'exit'; readonly code: number };

export function encodeFrame(type: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(payload.length, 1);
  frame.set(payload, HEADER);
  return frame;
}

/** Takes bytes as they come, gives whole frames. Throws GuestAgentError at what the protocol does not know. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes needed before a look is worthwhile: keeps a payload in small pieces from being joined at each. */
  #needed = HEADER;
  #ended = false;

  push(chunk: Buffer): GuestFrame[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return [];
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const frames: GuestFrame[] = [];
    this.#needed = HEADER;
    while (rest.length >= HEADER) {
      const length = rest.readUInt32BE(1);
      if (length > FRAME_MAX) throw new GuestAgentError(`a frame of the guest agent announces ${length} bytes; the limit is ${FRAME_MAX}`);
      if (rest.length < HEADER + length) {
        this.#needed = HEADER + length;
        break;
      }
      frames.push(this.#decode(rest.readUInt8(0), rest.subarray(HEADER, HEADER + length)));
      rest = rest.subarray(HEADER + length);
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    return frames;
  }

  #decode(type: number, payload: Buffer): GuestFrame {
    if (this.#ended) throw new GuestAgentError('the guest agent sent a frame after the exit frame');
    switch (type) {
      case FRAME.stdout:
        return { type: 'stdout', payload };
      case FRAME.stderr:
        return { type: 'stderr', payload };
      case FRAME.exit:
        this.#ended = true;
        return { type: 'exit', code: exitCode(payload) };
      default:
        throw new GuestAgentError(`a frame of the guest agent has the unknown type ${type}`);
    }
  }
}

function exitCode(payload: Buffer): number {
  const text = payload.toString('latin1', 0, 8);
  const code = Number(text);
  if (!/^\d{1,3}$/.test(text) || code > 255) throw new GuestAgentError(`the guest agent's exit code ${JSON.stringify(text)} is not 0 to 255`);
  return code;
}
