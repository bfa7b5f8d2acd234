/** `tardigrade cost [--from <day>] [--to <day>] [--json]`: what was used, and what AWS would charge for it. */
import { parseArgs } from 'node:util';
import type { Config } from '../config/config.js';
import { localGet } from '../daemon/local-api.js';
import type { UsageReport } from '../usage/contracts.js';

export async function cost(args: readonly string[], config: Config, print: (text: string) => void): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { from: { type: 'string' }, to: { type: 'string' }, json: { type: 'boolean' } } });
  const query = { ...(values.from === undefined ? {} : { from: values.from }), ...(values.to === undefined ? {} : { to: values.to }) };
  const report = (await localGet(config, '/tardigrade/v1/usage', query)) as UsageReport;
  print(values.json === true ? `${JSON.stringify(report, null, 2)}\n` : table(report));
}

/** Times and memory first, then a line for each dimension AWS bills. */
function table({ accountId, period, microvms, usage, charges, cost: total }: UsageReport): string {
  const average = usage.measuredSeconds === 0 ? 0 : usage.memoryByteSeconds / usage.measuredSeconds;
  const rows = charges.map(({ dimension, quantity, unit, unitPrice, cost: amount }) => [dimension, `${fixed(quantity, 3)} ${unit}${quantity === 1 ? '' : 's'}`, `× ${fixed(unitPrice, 10)}`, fixed(amount, 6)]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0), column === 3 ? fixed(total, 6).length : 0));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd();
  return [
    `Account ${accountId}, ${period.from} to ${period.to} (UTC): ${microvms} MicroVM${microvms === 1 ? '' : 's'}, ${usage.launches} launches, ${usage.suspends} suspends, ${usage.resumes} resumes`,
    `Running ${fixed(usage.runningSeconds, 0)} s, suspended ${fixed(usage.suspendedSeconds, 0)} s; CPU ${fixed(usage.cpuSeconds, 1)} s; memory ${mib(average)} on average, ${mib(usage.peakMemoryBytes)} at most`,
    '',
    ...rows.map(line),
    line(['On AWS, US dollars', '', '', fixed(total, 6)]),
    '',
  ].join('\n');
}

const fixed = (value: number, digits: number): string => value.toFixed(digits);
const mib = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;
