/** The two programs that change the host's network, fed by their standard input so that one process does a batch. */
import { spawn } from 'node:child_process';
import { OperatorError } from '../errors/index.js';

/** Runs `ip -batch -`, inside a named network namespace when one is given. */
export function ip(lines: readonly string[], netns?: string): Promise<string> {
  return pipe('ip', [...(netns === undefined ? [] : ['-n', netns]), '-batch', '-'], `${lines.join('\n')}\n`);
}

/** Loads an nftables script into the host's own rules, as one transaction. */
export function nft(script: string): Promise<string> {
  return pipe('nft', ['-f', '-'], script);
}

/** Makes a namespace route IPv4, ignore IPv6, and follow an nftables script. */
export function configure(netns: string, script: string): Promise<string> {
  const enter = 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; exec nft -f -';
  return pipe('nsenter', [`--net=/run/netns/${netns}`, '--', 'sh', '-ec', enter], script);
}

/** Largest burst a device sends at full speed, bytes: two packets as large as they come between guest and host. */
const BURST_BYTES = 128 * 1024;
const QUEUE_MS = 50;

/** Limits what devices of a namespace send, each to so many KiB a second. */
export async function shape(netns: string, devices: readonly string[], kibPerSecond: number): Promise<void> {
  const lines = devices.map((device) => `qdisc add dev ${device} root tbf rate ${kibPerSecond * 8}kibit burst ${Math.max(BURST_BYTES, kibPerSecond * 16)} latency ${QUEUE_MS}ms`);
  await pipe('tc', ['-n', netns, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** Names of network namespaces on the host. */
export async function namespaces(): Promise<string[]> {
  const text = await pipe('ip', ['netns', 'list'], '');
  return text.split('\n').map((line) => line.split(' ')[0] ?? '').filter(Boolean);
}

function pipe(program: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', (error) => reject(new OperatorError(`cannot run ${program}: ${error.message}; install iproute2 and nftables`)));
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new OperatorError(`${program} ${args.join(' ')} failed (exit code ${code ?? '?'}): ${stderr.trim()}`));
    });
    child.stdin.on('error', () => undefined); // it ended before reading all: its exit code says why
    child.stdin.end(input);
  });
}
