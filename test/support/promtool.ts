/** Prometheus' own checks, by its program of the Debian package `prometheus`. */
import { spawn, spawnSync } from 'node:child_process';

/** For `skip`: false when there is the program. */
export const noPromtool: string | false = spawnSync('promtool', ['--version']).status === 0 ? false : 'promtool is not installed: apt install prometheus';

/** Resolves to what it complains of; empty when it is content. */
export async function promtool(args: readonly string[], input = ''): Promise<string> {
  const child = spawn('promtool', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.on('error', () => undefined); // it may end before it has read all
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  if (code !== 0) return said === '' ? `promtool ${args.join(' ')} ended with code ${String(code)}` : said;
  return args[1] === 'metrics' ? said : ''; // lint complaints do not always fail
}
