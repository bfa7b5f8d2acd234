/** A program in the guest with its standard streams carried live: shells, commands, copies. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type DialAgent, GuestAgentError, type GuestSession, type SessionEvents, type SessionSpec, type WindowSize } from './contracts.js';
import { encodeFrame, FRAME, FRAME_MAX, FrameReader } from './frames.js';
import { type Limits, open } from './handshake.js';

const END_OF_INPUT = encodeFrame(FRAME.stdin, Buffer.alloc(0));

export async function openSession(dial: DialAgent, spec: SessionSpec, limits: Limits): Promise<GuestSession> {
  const { op, members } = requestOf(spec);
  const { stream } = await open(dial, { op, members: () => members }, limits);
  return new Session(stream, spec.kind);
}

function requestOf(spec: SessionSpec): { op: string; members: object } {
  switch (spec.kind) {
    case 'shell':
      return { op: 'shell', members: { env: spec.env, ...spec.size } };
    case 'exec': {
      const { args, env, cwd, user, terminal } = spec;
      return { op: 'exec', members: { args, env, cwd, user, ...(terminal && { tty: true, cols: terminal.cols, rows: terminal.rows }) } };
    }
    case 'pack':
    case 'unpack':
      return { op: spec.kind, members: { path: spec.path } };
  }
}

class Session implements GuestSession {
  readonly ended: Promise<void>;
  readonly #reader = new FrameReader();
  #events: SessionEvents | undefined;
  #over = false;
  /** Why it was dropped before it was started. */
  #dropped: Error | undefined;

  constructor(
    private readonly stream: Duplex,
    private readonly what: string,
  ) {
    this.ended = new Promise((resolve) => stream.once('close', () => resolve()));
  }

  start(events: SessionEvents): void {
    if (this.#dropped !== undefined) return events.onLost(this.#dropped);
    this.#events = events;
    this.stream
      .on('data', (chunk: Buffer) => this.#receive(chunk))
      .on('drain', () => this.#over || events.onDrain())
      .once('error', (error) => this.drop(new GuestAgentError(`the connection to the guest agent broke during ${this.what}: ${error.message}`, { cause: error })))
      .once('close', () => this.drop(new GuestAgentError(`the guest agent closed the connection during ${this.what}`)))
      .once('end', () => this.drop(new GuestAgentError(`the guest agent ended the connection before ${this.what} ended`)));
    if (this.stream.destroyed) this.drop(new GuestAgentError(`the guest agent closed the connection during ${this.what}`));
  }

  #receive(chunk: Buffer): void {
    let frames;
    try {
      frames = this.#reader.push(chunk);
    } catch (error) {
      return this.drop(error as Error); // what the guest sent before it is dropped too: it broke the protocol
    }
    for (const frame of frames) {
      if (this.#over) return;
      if (frame.type === 'exit') this.#end(() => this.#events?.onExit(frame.code));
      else this.#events?.onOutput(frame.type, frame.payload);
    }
  }

  write(chunk: Buffer): boolean {
    if (this.#over) return true;
    for (let at = 0; at < chunk.length; at += FRAME_MAX) this.stream.write(encodeFrame(FRAME.stdin, chunk.subarray(at, at + FRAME_MAX)));
    return !this.stream.writableNeedDrain;
  }

  endInput(): void {
    if (!this.#over) this.stream.write(END_OF_INPUT);
  }

  resize({ cols, rows }: WindowSize): void {
    if (!this.#over) this.stream.write(encodeFrame(FRAME.resize, Buffer.from(JSON.stringify({ cols, rows }))));
  }

  signal(name: string): void {
    if (!this.#over) this.stream.write(encodeFrame(FRAME.signal, Buffer.from(name)));
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  close(): void {
    this.#end(() => undefined);
  }

  drop(reason: Error): void {
    this.#end(() => {
      this.#dropped = reason;
      this.#events?.onLost(reason);
    });
  }

  /** Resets, if it can: an orderly end would queue behind input that the program does not take, and never arrive. */
  #end(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    if (this.stream instanceof Socket) this.stream.resetAndDestroy();
    else this.stream.destroy();
    tell();
  }
}
