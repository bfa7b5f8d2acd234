/** `tardigrade cost [id]`: what was used, and what AWS would charge for it. */
import type { MicrovmUsage, UsageReport } from '../../usage/contracts.js';
import type { Context } from '../context.js';
import { findMicrovm } from '../resolve.js';

export async function cost(context: Context, given: string | undefined, options: { readonly from?: string; readonly to?: string }): Promise<void> {
  const api = await context.api();
  if (given !== undefined) {
    const report = (await api.microvmUsage(await findMicrovm(api, given))) as MicrovmUsage;
    return context.result(report, () => `MicroVM ${report.microvmId}: ${report.usage.launches} launches, ${report.usage.suspends} suspends, ${report.usage.resumes} resumes\n${table(report)}`);
  }
  const report = (await api.usage({ ...(options.from === undefined ? {} : { from: options.from }), ...(options.to === undefined ? {} : { to: options.to }) })) as UsageReport;
  const { accountId, period, microvms, usage } = report;
  context.result(report, () => `Account ${accountId}, ${period.from} to ${period.to} (UTC): ${microvms} MicroVM${microvms === 1 ? '' : 's'}, ${usage.launches} launches, ${usage.suspends} suspends, ${usage.resumes} resumes\n${table(report)}`);
}

/** Times and memory first, then a line for each dimension AWS bills. */
function table({ usage, charges, cost: total }: Pick<UsageReport, 'usage' | 'charges' | 'cost'>): string {
  const average = usage.measuredSeconds === 0 ? 0 : usage.memoryByteSeconds / usage.measuredSeconds;
  const rows = charges.map(({ dimension, quantity, unit, unitPrice, cost: amount }) => [dimension, `${fixed(quantity, 3)} ${unit}${quantity === 1 ? '' : 's'}`, `× ${fixed(unitPrice, 10)}`, fixed(amount, 6)]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0), column === 3 ? fixed(total, 6).length : 0));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd();
  return [
    `Running ${fixed(usage.runningSeconds, 0)} s, suspended ${fixed(usage.suspendedSeconds, 0)} s; CPU ${fixed(usage.cpuSeconds, 1)} s; memory ${mib(average)} on average, ${mib(usage.peakMemoryBytes)} at most`,
    '',
    ...rows.map(line),
    line(['On AWS, US dollars', '', '', fixed(total, 6)]),
    '',
  ].join('\n');
}

const fixed = (value: number, digits: number): string => value.toFixed(digits);
const mib = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;
