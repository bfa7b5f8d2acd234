/** Debian's wrk, one thread on a CPU of its own choice. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
  readonly cpu: number;
  /** Path of a file in the form of /etc/hosts. */
  readonly hosts: string;
}

export interface Outcome {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Throws when any answer is not a 2xx or a connection fails. */
export async function wrk({ url, headers, connections, seconds, cpu, hosts }: Load): Promise<Outcome> {
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  // wrk takes its TLS server name from the URL, so that name must resolve: in a mount namespace with a hosts file of its own.
  const script = 'mount --bind "$0" /etc/hosts && exec taskset -c "$@"';
  const { stdout } = await run('unshare', ['-m', 'sh', '-c', script, hosts, String(cpu), 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...fields, url]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk on ${url}:\n${stdout}`);
  return { perSecond: Number(/Requests\/sec:\s+([0-9.]+)/.exec(stdout)?.[1]), p50Ms: millis(stdout, '50%'), p99Ms: millis(stdout, '99%') };
}

function millis(output: string, quantile: string): number {
  const match = new RegExp(`${quantile}\\s+([0-9.]+)(us|ms|s)\\b`).exec(output);
  const factor = { us: 0.001, ms: 1, s: 1000 }[match?.[2] as 'us' | 'ms' | 's'];
  return Number(match?.[1]) * factor;
}
