/**
 * The host's view of the agent that runs as PID 1 in each guest. Wire format: docs/guest-protocol.md.
 * What the agent answers is data from an untrusted machine: every message is size-capped and validated.
 */
import type { Duplex } from 'node:stream';

/** What runs in the guest as the application container. From the image's OCI config. */
export interface ContainerSpec {
  /** Block device with the container's root, e.g. `/dev/vda`, ext4. */
  readonly rootDevice: string;
  /** Entrypoint and cmd joined; at least one. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** `uid`, `user`, `user:group`; empty = root. Names are looked up in the container. */
  readonly user: string;
  readonly capabilities: 'default' | 'all';
  /** e.g. `SIGTERM` */
  readonly stopSignal: string;
}

/** Sent on each launch and resume, before any traffic. */
export interface WakeSpec {
  /** Another one than at the last wake makes the guest another machine: boot id, machine id, ssh host keys. */
  readonly hostname: string;
  /** Of its network card; absent: as it is. The guest's gateway is told. */
  readonly mac?: string;
}

export interface ExecSpec {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly user?: string;
  /** Where it runs: in the application's container, or in a root the agent mounted (builder). */
  readonly root: { readonly kind: 'container' } | { readonly kind: 'device'; readonly device: string };
  readonly stdin?: NodeJS.ReadableStream;
  readonly onStdout?: (chunk: Buffer) => void;
  readonly onStderr?: (chunk: Buffer) => void;
  readonly signal?: AbortSignal;
}

/** In characters; 0 = unknown. At most 65,535. */
export interface WindowSize {
  readonly cols: number;
  readonly rows: number;
}

/** What runs beside the application, in its container and as root unless told otherwise, while somebody watches. */
export type SessionSpec =
  /** An interactive shell with a terminal; without a size, 0×0. */
  | { readonly kind: 'shell'; readonly env?: Readonly<Record<string, string>> | undefined; readonly size?: WindowSize | undefined }
  | {
      readonly kind: 'exec';
      readonly args: readonly string[];
      readonly env?: Readonly<Record<string, string>> | undefined;
      readonly cwd?: string | undefined;
      readonly user?: string | undefined;
      /** With a terminal of this size; its output is all stdout. */
      readonly terminal?: WindowSize | undefined;
    }
  /** A file or folder as a tar on stdout, or a tar on stdin written to a path; what went wrong is on stderr. */
  | { readonly kind: 'pack' | 'unpack'; readonly path: string };

export interface SessionEvents {
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
  /** After a write that asked to wait. */
  readonly onDrain: () => void;
  /** 128 + n when ended by signal n. Either this or `onLost` is called, once and last. */
  readonly onExit: (code: number) => void;
  /** Dropped, or the guest vanished or broke the protocol. */
  readonly onLost: (reason: Error) => void;
}

export interface GuestSession {
  /** Nothing is delivered, and nothing is lost, before this. */
  start(events: SessionEvents): void;
  /** False: it was taken, but wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  /** To a terminal it is Ctrl-D. */
  endInput(): void;
  resize(size: WindowSize): void;
  /** e.g. `INT`; to the process group. */
  signal(name: string): void;
  /** Stops the output, and by back-pressure the program, until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends it from this side: a terminal hangs up, a process without one is killed. No event follows. */
  close(): void;
  /** As `close`, but its owner is told by `onLost`. */
  drop(reason: Error): void;
  /** The connection is gone. */
  readonly ended: Promise<void>;
}

export interface ExecResult {
  readonly code: number; // 128 + n when ended by signal n
}

export interface GuestEvents {
  /** One line of the application's output, without its newline. */
  readonly onLog: (line: LogLine) => void;
  /** The application's main process ended. */
  readonly onExit: (code: number) => void;
}

export interface LogLine {
  readonly seq: number;
  /** Guest wall clock, ms since 1970. */
  readonly time: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface GuestStatus {
  readonly running: boolean;
  readonly exitCode?: number;
}

export interface GuestAgent {
  /** Retries until the agent answers or the signal aborts. */
  waitUntilUp(signal: AbortSignal): Promise<void>;
  /** Sets clock, entropy (fresh from the host), hostname and MAC; resets connections that were open in the snapshot. */
  wake(spec: WakeSpec): Promise<void>;
  start(spec: ContainerSpec): Promise<void>;
  /** Stream to `127.0.0.1:port` in the guest. Rejects {@link AppConnectError} when nothing listens. */
  dial(port: number, signal?: AbortSignal): Promise<Duplex>;
  exec(spec: ExecSpec): Promise<ExecResult>;
  /** Resolves when the program runs. The caller owns the session. */
  session(spec: SessionSpec, signal?: AbortSignal): Promise<GuestSession>;
  /** Follows output and exit from just after `afterSeq`, until closed or the connection ends (`ended` resolves). */
  follow(afterSeq: number, events: GuestEvents): Promise<{ close(): void; ended: Promise<void> }>;
  status(): Promise<GuestStatus>;
  /** Stop signal to the application, SIGKILL after `graceMs`. */
  stopApp(graceMs: number): Promise<void>;
  /** Syncs and unmounts every device the agent mounted. */
  unmountAll(): Promise<void>;
}

/** Nothing listens on that port of the guest's loopback. */
export class AppConnectError extends Error {
  override readonly name = 'AppConnectError';
}

/** The agent refused, broke the protocol or vanished. */
export class GuestAgentError extends Error {
  override readonly name = 'GuestAgentError';
  /** Of a refusal: the guest's word, e.g. `start_failed`. */
  readonly code: string | undefined;
  constructor(message: string, options: { readonly cause?: unknown; readonly code?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
  }
}

/** Opens the transport to the agent: `(signal) => vm.dial(GUEST_NET.agentPort, signal)`. */
export type DialAgent = (signal?: AbortSignal) => Promise<Duplex>;
