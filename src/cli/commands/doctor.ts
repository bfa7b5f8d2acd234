/** `tardigrade doctor [--json]`: looks at the host, and says what to mend and how. Answers the exit code. */
import type { Config } from '../../config/config.js';
import { diagnose } from '../../daemon/diagnose.js';
import { summary, text } from '../../doctor/report.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';

export async function doctor(context: Pick<Context, 'result'>, config: Config): Promise<number> {
  const findings = await diagnose(config);
  const counts = summary(findings);
  context.result({ summary: counts, findings }, () => text(findings));
  return counts.error === 0 ? EXIT.done : EXIT.failed;
}
