/** The ports a token opens. */
import type { AllowedPort } from '../api/contracts.js';
import { ValidationError } from '../errors/index.js';

/** Inclusive, 1..65535. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

const HIGHEST = 65535;

/** Throws ValidationError for a range that runs backwards. */
export function toPortRanges(allowed: readonly AllowedPort[]): PortRange[] {
  return allowed.map((entry) => {
    if ('port' in entry) return { from: entry.port, to: entry.port };
    if ('allPorts' in entry) return { from: 1, to: HIGHEST };
    const { startPort, endPort } = entry.range;
    if (startPort > endPort) {
      throw new ValidationError(`Port range ${startPort}-${endPort} is empty: startPort must not exceed endPort`, 'allowedPorts');
    }
    return { from: startPort, to: endPort };
  });
}

export function isPortAllowed(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some((range) => port >= range.from && port <= range.to);
}

/** Decimal digits, 1..65535; undefined for anything else. */
export function parsePort(text: string): number | undefined {
  if (!/^[0-9]{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= HIGHEST ? port : undefined;
}
