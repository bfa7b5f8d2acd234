/** One daemon per data folder: the lock is a listening socket, so it ends with its holder however that ends. */
import { createHash } from 'node:crypto';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { OperatorError } from '../errors/index.js';

/** Sockets of one daemon; the path stays short, as a Unix socket's holds 107 bytes. */
export async function runDirOf(dataDir: string): Promise<string> {
  const digest = createHash('sha256').update(await realpath(dataDir)).digest('hex').slice(0, 12);
  const dir = `/run/tardigrade/${digest}`;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return dir;
}

/** Throws OperatorError when another daemon holds it. Answers the release. */
export async function lockDataDir(dataDir: string, runDir: string): Promise<() => Promise<void>> {
  const path = join(runDir, 'lock');
  if (await answers(path)) throw new OperatorError(`another Tardigrade serves ${dataDir}: stop it, or set TARDIGRADE_DATA_DIR to another folder`);
  await rm(path, { force: true }); // left by one that died
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  server.unref();
  return async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(runDir, { recursive: true, force: true });
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.unref();
    socket.once('connect', () => socket.destroy());
  });
}
