/**
 * The archive as a stream: GNU tar's output, part after part, which `tar --ignore-zeros` reads as one. tar finds the holes
 * of sparse files by SEEK_HOLE and makes them again.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { finished, pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { messageOf, OperatorError } from '../errors/index.js';
import { MEMBERS } from './contracts.js';

/** Header, one block with the digest, two of zeros. */
const TRAILER_BYTES = 2048;
const DIGEST = { at: 512, length: 64 } as const;

export interface Archive {
  /** Adds files below `folder`, in the archive below `prefix`. Some may change or go while they are read. */
  add(folder: string, paths: readonly string[], prefix?: string): Promise<void>;
  /** Writes the checksum; all is on stable storage when it resolves. */
  finish(): Promise<void>;
  /** Gives up: nothing is left running. */
  abort(): Promise<void>;
}

export async function createArchive(path: string): Promise<Archive> {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  await once(file, 'open');
  const zstd = path.includes('.zst') ? spawn('zstd', ['-q', '-T0', '-c'], { stdio: ['pipe', 'pipe', 'pipe'] }) : undefined;
  const failures: unknown[] = [];
  const out: Writable = zstd?.stdin ?? file;
  out.on('error', (error) => failures.push(error));
  const written = zstd === undefined ? finished(file) : Promise.all([pipeline(zstd.stdout, file), endOf(zstd, 'zstd')]);
  // Told by whoever writes next, or by finish.
  written.catch((error: unknown) => failures.push(error));
  const hash = createHash('sha256');

  const write = async (chunk: Uint8Array): Promise<void> => {
    if (failures.length > 0) throw new OperatorError(`cannot write the backup ${path}: ${messageOf(failures[0])}`);
    if (!out.write(chunk)) await Promise.race([once(out, 'drain'), once(out, 'close')]);
  };
  return {
    async add(folder, paths, prefix) {
      if (paths.length === 0) return;
      const args = ['--create', '--file=-', '--sparse', '--format=posix', '--numeric-owner', `--directory=${folder}`, ...(prefix === undefined ? [] : [`--transform=flags=r;s,^\\./,./${prefix}/,`]), '--', ...paths.map((name) => `./${name}`)];
      const tar = spawn('tar', args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
      const ended = endOf(tar, 'tar', [0, 1]);
      ended.catch(() => undefined); // awaited below, after what it wrote
      for await (const chunk of tar.stdout as AsyncIterable<Buffer>) {
        hash.update(chunk);
        await write(chunk);
      }
      await ended;
    },
    async finish() {
      const trailer = pack();
      trailer.entry({ name: MEMBERS.digest, mtime: new Date(0) }, hash.digest('hex'));
      trailer.finalize();
      await write(await buffer(trailer));
      out.end();
      await written;
      const handle = await open(path, 'r');
      await handle.sync().finally(() => handle.close());
    },
    async abort() {
      zstd?.kill();
      out.destroy();
      file.destroy();
      await Promise.allSettled([written]);
    },
  };
}

/** One small member from the beginning of an archive. Throws OperatorError when it is not there. */
export async function readFirst(path: string, member: string): Promise<string> {
  const tar = spawn('tar', ['--extract', '--to-stdout', '--occurrence=1', '--file=-', `./${member}`], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  const text = buffer(tar.stdout);
  const ended = endOf(tar, 'tar', [0, 2]);
  const source = openPlain(path);
  // tar has what it wants long before the end of a long archive.
  await pipeline(source.stream, tar.stdin).catch(() => undefined);
  source.end();
  await ended;
  const found = (await text).toString('utf8');
  if (found === '') throw new OperatorError(`${path} is no backup of this program: it does not begin with ${member}`);
  return found;
}

/** Throws OperatorError when the archive is damaged or cut short; what is in `folder` then is of no use. */
export async function extract(path: string, folder: string): Promise<void> {
  const tar = spawn('tar', ['--extract', '--file=-', '--ignore-zeros', '--numeric-owner', '--same-owner', '--same-permissions', '--delay-directory-restore', `--directory=${folder}`], { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  const ended = endOf(tar, 'tar');
  ended.catch(() => undefined); // told below
  const source = openPlain(path);
  const hash = createHash('sha256');
  let held: Buffer = Buffer.alloc(0);
  try {
    await pipeline(source.stream, async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        held = Buffer.concat([held, chunk]);
        const ready = held.subarray(0, Math.max(0, held.length - TRAILER_BYTES));
        held = held.subarray(ready.length);
        hash.update(ready);
        yield ready;
      }
    }, tar.stdin);
    await Promise.all([ended, source.ended]);
  } catch (error) {
    source.end();
    tar.kill();
    throw new OperatorError(`${path} cannot be read to its end: ${messageOf(await ended.then(() => error, (own: unknown) => own))}. It is damaged or cut short: take another backup`);
  }
  const said = held.toString('latin1', DIGEST.at, DIGEST.at + DIGEST.length);
  const digest = hash.digest('hex');
  if (held.toString('latin1', 0, MEMBERS.digest.length) !== MEMBERS.digest) throw new OperatorError(`${path} is cut short: its last member is not ${MEMBERS.digest}. Take another backup`);
  if (said !== digest) throw new OperatorError(`${path} is damaged: its SHA-256 is ${digest}, it says ${said}. Take another backup`);
}

interface Source {
  readonly stream: Readable;
  readonly ended: Promise<unknown>;
  end(): void;
}

function openPlain(path: string): Source {
  if (!path.endsWith('.zst')) {
    const stream = createReadStream(path);
    return { stream, ended: Promise.resolve(), end: () => void stream.destroy() };
  }
  const zstd = spawn('zstd', ['-q', '-d', '-c', '--', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = endOf(zstd, 'zstd');
  ended.catch(() => undefined); // told by whoever reads to the end
  return { stream: zstd.stdout, ended, end: () => void zstd.kill() };
}

/** The exit code, when it is one of `good`. */
async function endOf(child: ReturnType<typeof spawn>, name: string, good: readonly number[] = [0]): Promise<number> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => reject(new OperatorError(`cannot run ${name}: ${error.message}; install the Debian package ${name}`)));
    child.once('close', resolve);
  });
  if (code === null || !good.includes(code)) throw new OperatorError(`${name} failed (${code ?? 'killed'}): ${said.trim()}`);
  return code;
}
