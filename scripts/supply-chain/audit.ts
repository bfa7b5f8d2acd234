/** Known vulnerabilities of production dependencies, by `npm audit`. */
import { execFile } from 'node:child_process';
import { z } from 'zod';

export type Audit =
  | { readonly kind: 'clean'; readonly dependencies: number }
  | { readonly kind: 'vulnerable'; readonly lines: readonly string[] }
  /** The registry did not answer the question: nothing is known. */
  | { readonly kind: 'unreachable'; readonly reason: string };

const reportSchema = z.object({
  vulnerabilities: z.record(z.string(), z.object({ severity: z.string(), range: z.string(), via: z.array(z.union([z.string(), z.object({ title: z.string(), url: z.string() })])) })),
  metadata: z.object({ dependencies: z.object({ prod: z.number() }) }),
});
const failureSchema = z.object({ message: z.string().optional(), error: z.object({ summary: z.string().optional() }).optional() });

/** From this severity on the check fails. */
const SERIOUS: ReadonlySet<string> = new Set(['high', 'critical']);
const LIMIT_MS = 60_000;

/** `npmOptions`: beside what npm is configured with, e.g. another registry. */
export async function audit(root: string, npmOptions: readonly string[] = []): Promise<Audit> {
  const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0', '--fetch-timeout=20000', ...npmOptions];
  // npm's exit code is 1 for findings as for failures: what it prints tells them apart.
  const printed = await new Promise<string>((resolve) => {
    execFile('npm', args, { cwd: root, timeout: LIMIT_MS, maxBuffer: 64 * 1024 ** 2 }, (error, stdout) => resolve(stdout === '' ? JSON.stringify({ message: error?.message ?? 'npm printed nothing' }) : stdout));
  });
  const parsed: unknown = JSON.parse(printed);
  const report = reportSchema.safeParse(parsed);
  if (!report.success) return { kind: 'unreachable', reason: reasonOf(parsed) };
  const serious = Object.entries(report.data.vulnerabilities).filter(([, { severity }]) => SERIOUS.has(severity));
  if (serious.length === 0) return { kind: 'clean', dependencies: report.data.metadata.dependencies.prod };
  return { kind: 'vulnerable', lines: serious.map(([name, { severity, range, via }]) => `${name} ${range}: ${severity}: ${via.map((cause) => (typeof cause === 'string' ? `by ${cause}` : `${cause.title} (${cause.url})`)).join('; ')}`) };
}

function reasonOf(answer: unknown): string {
  const failure = failureSchema.safeParse(answer);
  const text = failure.success ? (failure.data.message ?? failure.data.error?.summary) : undefined;
  return (text ?? 'its answer is not an audit report').split('\n')[0] ?? '';
}
