/** Network namespaces of tests, and processes in them that play guests and servers. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { GUEST_NET, type Link } from '../../../src/network/contracts.js';

const run = promisify(execFile);

export async function ip(...lines: readonly string[]): Promise<void> {
  for (const line of lines) await run('ip', line.split(' '));
}

/** Ended in reverse order of their making, whatever fails. */
export class Made {
  readonly #undo: (() => Promise<unknown>)[] = [];

  add(undo: () => Promise<unknown>): void {
    this.#undo.push(undo);
  }

  async netns(name: string): Promise<void> {
    await ip(`netns add ${name}`);
    this.add(() => ip(`netns del ${name}`));
    await ip(`-n ${name} link set lo up`);
  }

  async end(): Promise<void> {
    const failures: unknown[] = [];
    for (const undo of this.#undo.splice(0).reverse()) await undo().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'not everything a test made could be removed');
  }
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Starts a program in a namespace; it is up when it has said something. */
export async function startIn(made: Made, netns: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn('ip', ['netns', 'exec', netns, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  made.add(() => ended(child));
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => Promise.reject(new Error(`${args.join(' ')} ended early`)))]);
  return child;
}

/** A namespace `name` at the other end of the link's tap, with the address and route every guest has. */
export async function plugIn(made: Made, link: Link, name: string): Promise<void> {
  await made.netns(name);
  const bridge = new URL('./tap-guest-bridge.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', bridge, link.netnsPath, `/run/netns/${name}`, link.tap, GUEST_NET.guestMac], {
    stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, UV_THREADPOOL_SIZE: '8' },
  });
  made.add(() => ended(child));
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => Promise.reject(new Error('the stand-in of a guest ended early')))]);
  await ip(`-n ${name} addr add ${GUEST_NET.guestIp}/${GUEST_NET.prefix} dev eth0`, `-n ${name} link set eth0 up`, `-n ${name} route add default via ${GUEST_NET.gatewayIp}`);
}

/** Runs a script of node's in a namespace and answers what it says. */
export async function nodeIn(netns: string, script: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run('ip', ['netns', 'exec', netns, process.execPath, '-e', script, ...args]);
  return stdout.trim();
}
