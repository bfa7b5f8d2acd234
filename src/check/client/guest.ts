/** Programs of ours inside a MicroVM that was run with SHELL_INGRESS. */
import { createInterface } from 'node:readline';
import { PassThrough, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { connect } from '../../cli/session/connect.js';
import { ClientSession } from '../../cli/session/session.js';
import type { RemoteAccess } from '../../daemon/remote.js';

/** In the container's root, which every image has. */
const NAME = 'tardigrade-check-probe';
const PIECE = 256 * 1024;
/** What is kept of a program's complaints. */
const COMPLAINT_MAX = 2000;

export class ProbeError extends Error {
  override readonly name = 'ProbeError';
}

/** A program that SIGKILL ended, as all of a container's are with it. */
export class ProbeKilledError extends ProbeError {}

const KILLED = 137;

/** Puts the program there, executable. It needs no program of the image. */
export async function upload(access: RemoteAccess, id: string, program: Buffer): Promise<void> {
  const complaint = new Complaint();
  const session = await ClientSession.start(await connect(access, id), { run: 'unpack', path: '/' }, { stdout: complaint, stderr: complaint });
  try {
    const archive = pack();
    archive.entry({ name: NAME, mode: 0o755 }, program);
    archive.finalize();
    pipeline(pieces(archive), session.stdin).catch(() => undefined); // what the guest did not take shows in its code
    const code = await session.exited;
    if (code !== 0) throw new ProbeError(`the probe could not be copied into the MicroVM: ${complaint.text || `code ${code}`}`);
  } finally {
    session.close();
  }
}

/** The endpoint takes messages of 1 MiB at most. */
async function* pieces(archive: AsyncIterable<unknown>): AsyncIterable<Buffer> {
  for await (const chunk of archive as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.length; from += PIECE) yield chunk.subarray(from, from + PIECE);
  }
}

/** The probe while it runs: JSON in, JSON lines out. */
export class Probe {
  readonly #lines: AsyncIterator<string>;

  private constructor(private readonly session: ClientSession, out: PassThrough, private readonly complaint: Complaint) {
    this.#lines = createInterface({ input: out })[Symbol.asyncIterator]();
    session.exited.then(() => out.end(), () => out.end());
  }

  static async start(access: RemoteAccess, id: string, command: string): Promise<Probe> {
    const [out, complaint] = [new PassThrough(), new Complaint()];
    const session = await ClientSession.start(await connect(access, id), { run: 'exec', args: [`/${NAME}`, command] }, { stdout: out, stderr: complaint });
    return new Probe(session, out, complaint);
  }

  tell(value: object): void {
    this.session.stdin.write(`${JSON.stringify(value)}\n`);
  }

  /** The next line; undefined at the end. */
  async next(): Promise<unknown> {
    const line = await this.#lines.next();
    return line.done === true ? undefined : JSON.parse(line.value);
  }

  /** Ends its input; it may still have lines to tell. */
  finish(): void {
    this.session.stdin.end();
  }

  /** Throws SessionError when the MicroVM ended before the session told, ProbeKilledError when it ended with its container, ProbeError when it complained. */
  async end(): Promise<void> {
    const code = await this.session.exited;
    if (code === KILLED) throw new ProbeKilledError('the probe was killed');
    if (code !== 0) throw new ProbeError(this.complaint.text || `the probe ended with code ${code}`);
  }

  close(): void {
    this.session.close();
  }
}

class Complaint extends Writable {
  #text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#text = (this.#text + chunk.toString('utf8')).slice(0, COMPLAINT_MAX);
    done();
  }

  get text(): string {
    return this.#text.trim();
  }
}
