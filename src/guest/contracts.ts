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
  readonly hostname: string;
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
  /** Sets clock, entropy (fresh from the host) and hostname. */
  wake(spec: WakeSpec): Promise<void>;
  start(spec: ContainerSpec): Promise<void>;
  /** Stream to `127.0.0.1:port` in the guest. Rejects {@link AppConnectError} when nothing listens. */
  dial(port: number, signal?: AbortSignal): Promise<Duplex>;
  exec(spec: ExecSpec): Promise<ExecResult>;
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
}

/** Opens the transport to the agent: `(signal) => vm.dial(GUEST_NET.agentPort, signal)`. */
export type DialAgent = (signal?: AbortSignal) => Promise<Duplex>;
