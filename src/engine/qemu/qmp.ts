/**
 * QMP client: typed commands and events over the VMM's Unix socket. One command is in flight at a time, as QEMU
 * answers in order; events are matched as they come.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The commands this engine uses: arguments and return value of each. */
export interface QmpCommands {
  qmp_capabilities: { args: undefined; result: unknown };
  'query-status': { args: undefined; result: { status: string; running: boolean } };
  stop: { args: undefined; result: unknown };
  cont: { args: undefined; result: unknown };
  /** Device state without RAM; the name is historical, it needs no Xen. Deactivates block devices of a stopped VM. */
  'xen-save-devices-state': { args: { filename: string; live: boolean }; result: unknown };
  'migrate-incoming': { args: { uri: string }; result: unknown };
  /** Moves what the layers from `top` down to above `base` hold into `base`, while the guest runs. */
  'block-commit': { args: { 'job-id': string; device: string; top: string; base: string }; result: unknown };
  'block-job-cancel': { args: { device: string }; result: unknown };
  'query-block-jobs': { args: undefined; result: readonly { device: string }[] };
}

/** The events this engine minds, and the part of their data it uses. */
export interface QmpEvents {
  RESUME: unknown;
  SHUTDOWN: { guest: boolean; reason: string };
  BLOCK_IO_ERROR: { action: 'ignore' | 'report' | 'stop'; nospace?: boolean };
  BLOCK_JOB_COMPLETED: { device: string; error?: string };
  BLOCK_JOB_CANCELLED: { device: string };
}
export type QmpEventName = keyof QmpEvents;

export class QmpError extends Error {
  override readonly name = 'QmpError';
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** No answer or event of QEMU's is near this long; a VMM that sends more is out of order. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** Every command this engine uses takes milliseconds, on an overloaded host a second or two. */
const ANSWER_LIMIT_MS = 60_000;

export class QmpClient {
  readonly #pending: Pending[] = [];
  readonly #waiters = new Map<QmpEventName, Pending[]>();
  readonly #listeners = new Map<QmpEventName, ((data: never) => void)[]>();
  /** Resolves when the VMM has closed its side, or {@link close} was called. */
  readonly closed: Promise<void>;
  #buffer = '';
  #ended: Error | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#onData(text));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new QmpError('the VMM closed its control socket')));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /**
   * Connects as soon as the VMM listens and negotiates. QEMU needs about 20 ms to get there, so the wait between
   * tries is short. Throws when `signal` aborts.
   */
  static async connect(path: string, signal: AbortSignal): Promise<QmpClient> {
    for (;;) {
      signal.throwIfAborted();
      const socket = await tryConnect(path);
      if (socket !== undefined) {
        const client = new QmpClient(socket);
        await client.command('qmp_capabilities');
        return client;
      }
      await sleep(1, undefined, { signal });
    }
  }

  /** Sends one command. Throws {@link QmpError} with QEMU's text when it is refused, the VMM goes away or hangs. */
  command<N extends keyof QmpCommands>(
    name: N,
    ...[args]: QmpCommands[N]['args'] extends undefined ? [] : [QmpCommands[N]['args']]
  ): Promise<QmpCommands[N]['result']> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise<unknown>((resolve, reject) => {
      // Answers come in order: after one that is missing no other can be trusted, so the connection ends with it.
      const timer = setTimeout(() => this.socket.destroy(new QmpError(`the VMM did not answer ${name} within ${ANSWER_LIMIT_MS / 1000} s`)), ANSWER_LIMIT_MS);
      const settled = <T>(settle: (value: T) => void) => (value: T): void => {
        clearTimeout(timer);
        settle(value);
      };
      this.#pending.push({ resolve: settled(resolve), reject: settled(reject) });
      this.socket.write(`${JSON.stringify({ execute: name, arguments: args })}\n`);
    });
  }

  /** The next event of that name after this call. */
  event(name: QmpEventName): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise<unknown>((resolve, reject) => {
      const list = this.#waiters.get(name) ?? [];
      list.push({ resolve, reject });
      this.#waiters.set(name, list);
    }).then(() => undefined);
  }

  /** Calls `listener` for every event of that name from now on. */
  on<N extends QmpEventName>(name: N, listener: (data: QmpEvents[N]) => void): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  close(): void {
    this.socket.destroy();
  }

  #onData(text: string): void {
    this.#buffer += text;
    if (this.#buffer.length > MAX_LINE_BYTES) {
      this.socket.destroy(new QmpError('the VMM sent an overlong answer'));
      return;
    }
    let newline = this.#buffer.indexOf('\n');
    while (newline >= 0) {
      const line = this.#buffer.slice(0, newline);
      this.#buffer = this.#buffer.slice(newline + 1);
      if (line.trim() !== '') this.#onMessage(JSON.parse(line) as QmpMessage);
      newline = this.#buffer.indexOf('\n');
    }
  }

  #onMessage(message: QmpMessage): void {
    if (message.event !== undefined) {
      const name = message.event as QmpEventName;
      for (const listener of this.#listeners.get(name) ?? []) listener(message.data as never);
      const waiters = this.#waiters.get(name) ?? [];
      this.#waiters.delete(name);
      for (const waiter of waiters) waiter.resolve(undefined);
    } else if (message.error !== undefined) {
      this.#pending.shift()?.reject(new QmpError(message.error.desc));
    } else if ('return' in message) {
      this.#pending.shift()?.resolve(message.return);
    } // else: the greeting, sent once on connection
  }

  #end(error: Error): void {
    this.#ended ??= error;
    const waiting = [...this.#pending.splice(0), ...[...this.#waiters.values()].flat()];
    this.#waiters.clear();
    for (const pending of waiting) pending.reject(this.#ended);
  }
}

interface QmpMessage {
  event?: string;
  data?: unknown;
  error?: { class: string; desc: string };
  return?: unknown;
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => resolve(undefined)); // not there yet, or not listening yet
  });
}
