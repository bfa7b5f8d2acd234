/** `tardigrade doctor [--json]`: looks at the host, and says what to mend and how. Answers the exit code. */
import { parseArgs } from 'node:util';
import type { Config } from '../config/config.js';
import { diagnose } from '../daemon/diagnose.js';
import { summary, text } from '../doctor/report.js';

export async function doctor(args: readonly string[], config: Config, print: (text: string) => void): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } });
  const findings = await diagnose(config);
  const counts = summary(findings);
  print(values.json === true ? `${JSON.stringify({ summary: counts, findings }, null, 2)}\n` : text(findings));
  return counts.error === 0 ? 0 : 1;
}
