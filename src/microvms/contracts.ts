/** MicroVMs: their lifecycle (`api/` calls it) and the way to their applications (`endpoint/` calls it). */
import type { Duplex } from 'node:stream';
import type { GuestSession, SessionSpec } from '../guest/contracts.js';
import type { Principal } from '../images/contracts.js';
import type { IdlePolicy, LaunchRecord, Logging, MicrovmRecord, MicrovmState, Page, PageRequest } from '../store/contracts.js';

export interface RunInput {
  readonly imageArn: string;
  readonly imageVersion?: string | undefined;
  readonly executionRoleArn?: string | undefined;
  readonly idlePolicy?: IdlePolicy | undefined;
  readonly logging?: Logging | undefined;
  readonly runHookPayload?: string | undefined;
  readonly maximumDurationInSeconds?: number | undefined;
  readonly ingressNetworkConnectors?: readonly string[] | undefined;
  readonly egressNetworkConnectors?: readonly string[] | undefined;
}

/** What time will do to a MicroVM as things stand. Times are ms since 1970. */
export interface Outlook {
  /** Last byte through the endpoint, or when it began to run; of a RUNNING one. */
  readonly lastActivityAt?: number | undefined;
  /** The next one first; none for a MicroVM that is ending. */
  readonly transitions: readonly { readonly to: MicrovmState; readonly at: number; readonly because: string }[];
}

/** Every method throws the request errors of `errors/`. */
export interface MicrovmService {
  /** Answers PENDING at once; the launch goes on in the background. */
  run(who: Principal, input: RunInput): MicrovmRecord;
  get(who: Principal, id: string): MicrovmRecord;
  outlook(who: Principal, id: string): Outlook;
  /** The newest launches and resumes, newest first. */
  launches(who: Principal, id: string): readonly LaunchRecord[];
  /** Those that have not ended, oldest first. */
  live(who: Principal): readonly MicrovmRecord[];
  list(who: Principal, filter: { imageArn?: string | undefined; imageVersion?: string | undefined }, page: PageRequest): Page<MicrovmRecord>;
  /** Resolves when the request is accepted (state SUSPENDING). SUSPENDED already: no-op. */
  suspend(who: Principal, id: string): Promise<void>;
  /** Resolves when the VM runs. RUNNING already: no-op. */
  resume(who: Principal, id: string): Promise<void>;
  /** Resolves when the request is accepted (state TERMINATING). TERMINATED already: no-op. */
  terminate(who: Principal, id: string): Promise<void>;
}

/** Why the endpoint cannot reach an application; each has its HTTP answer in `endpoint/`. */
export type UnreachableReason = 'terminated' | 'suspended' | 'resume-failed' | 'app-not-listening' | 'vm-unreachable';

export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  constructor(
    readonly reason: UnreachableReason,
    message: string,
  ) {
    super(message);
  }
}

export type { GuestSession, SessionEvents, SessionSpec, WindowSize } from '../guest/contracts.js';

/** The guest would not run what a session asked for: nothing is wrong with the way to it. */
export class SessionRefusedError extends Error {
  override readonly name = 'SessionRefusedError';
  constructor(
    readonly code: 'start_failed' | 'bad_request' | 'not_started',
    message: string,
  ) {
    super(message);
  }
}

/** The endpoint's view: finds the VM of a host name, wakes it, and connects. */
export interface MicrovmGateway {
  /** By the first label of the endpoint's host name. */
  find(endpointLabel: string): MicrovmRecord | undefined;
  /**
   * A stream to a port of the application's loopback. Waits while PENDING (until /run answered), interrupts a
   * suspend, resumes a SUSPENDED VM once however many ask (if its policy allows). Throws {@link UnreachableError}.
   */
  connect(id: string, port: number, signal?: AbortSignal): Promise<Duplex>;
  /**
   * A program beside the application, reached as `connect` reaches a port, if the VM was run with SHELL_INGRESS. A
   * suspend and the VM's end drop it. Throws {@link UnreachableError} and {@link SessionRefusedError}.
   */
  openSession(id: string, spec: SessionSpec, signal?: AbortSignal): Promise<GuestSession>;
  /** May a request use a connection that stands already? Otherwise it has to go through {@link connect}. Cheap. */
  isRunning(id: string): boolean;
  /** Bytes moved through the endpoint: the VM is not idle. Cheap; call it for each chunk. */
  touch(id: string): void;
  /** The application has begun an answer to a request, or taken a shell. Cheap. */
  answered(id: string): void;
}
