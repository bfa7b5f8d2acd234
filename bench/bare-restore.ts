/**
 * What QEMU alone needs: overlay by qemu-img, the VMM with the template's state, one HTTP request. No service, no
 * record, no token, no TLS, no clock set: the floor that a launch is held against.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EngineInfo } from '../src/engine/contracts.js';
import { qemuArguments } from '../src/engine/qemu/commandline.js';
import { machineFor } from '../src/engine/qemu/machine.js';
import { QmpClient } from '../src/engine/qemu/qmp.js';
import { readManifest } from '../src/engine/snapshot/manifest.js';
import { GUEST_NET, type Link } from '../src/network/contracts.js';

export interface BareVmm {
  readonly pid: number;
  readonly dir: string;
  readonly qmp: QmpClient;
  /** When its start began, by `performance.now()`. */
  readonly started: number;
  end(): Promise<void>;
}

export interface BareOptions {
  /** QEMU's own: it forbids `migrate` to run a program. */
  readonly sandbox: boolean;
}

/** A clone of `template`, its guest running. */
export async function startBare(info: EngineInfo, template: string, link: Link, { sandbox }: BareOptions): Promise<BareVmm> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-bare-'));
  const manifest = await readManifest(template); // not timed: a script would have it written in
  const machine = machineFor(info.architecture, info.accelerator);
  const started = performance.now();
  const disks = await Promise.all(manifest.disks.map(async (disk, index) => {
    const path = join(dir, `disk${index}.qcow2`);
    await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', disk.path, '-F', disk.format, path]);
    return { path, format: 'qcow2' as const };
  }));
  const all = qemuArguments({ machine, size: manifest.size, ram: { path: join(template, 'ram'), shared: false }, disks, control: { name: join(dir, 'qmp') }, console: { name: join(dir, 'console') }, link: { tap: { name: link.tap }, guestMac: link.guestMac } });
  const args = sandbox ? all : all.toSpliced(all.indexOf('-sandbox'), 2);
  const state = openSync(join(template, 'device-state'), 'r');
  const vmm = spawn('nsenter', [`--net=${link.netnsPath}`, '--', machine.program, ...args], { stdio: ['ignore', 'inherit', 'inherit', state] });
  closeSync(state);
  const end = async (): Promise<void> => {
    vmm.kill('SIGKILL');
    if (vmm.exitCode === null && vmm.signalCode === null) await once(vmm, 'exit');
    await rm(dir, { recursive: true });
  };
  try {
    const qmp = await QmpClient.connect(join(dir, 'qmp'), AbortSignal.timeout(60_000));
    const running = qmp.event('RESUME');
    await qmp.command('migrate-incoming', { uri: 'fd:3' });
    await running;
    return { pid: vmm.pid ?? 0, dir, qmp, started, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Milliseconds from nothing to the first HTTP 200 of the application on `port`. The link exists already, as ours does. */
export async function bareRestore(info: EngineInfo, template: string, link: Link, port: number): Promise<number> {
  const vmm = await startBare(info, template, link, { sandbox: true });
  try {
    await firstAnswer(link.host, port);
    return performance.now() - vmm.started;
  } finally {
    await vmm.end();
  }
}

/** Resolves when the application answers `GET /` with 200. */
export async function firstAnswer(host: string, port: number): Promise<void> {
  const socket = connect({ host, port: GUEST_NET.agentPort, noDelay: true });
  try {
    await once(socket, 'connect');
    socket.setEncoding('utf8').write(`{"op":"dial","port":${port}}\n`);
    let received = '';
    for await (const text of socket as AsyncIterable<string>) {
      if (received === '') socket.write('GET / HTTP/1.1\r\nHost: bare\r\n\r\n');
      received += text;
      if (/HTTP\/1\.[01] 200/.test(received)) return;
    }
    throw new Error(`no HTTP 200: ${received}`);
  } finally {
    socket.destroy();
  }
}
