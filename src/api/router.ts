/** Finds the operation of a method and path. Labels are decoded once; raw colons are fine, a raw slash is a miss. */
import type { Operation } from './operation.js';
import { percentDecode } from './sigv4/request-head.js';

export interface Route {
  readonly operation: Operation;
  readonly labels: Readonly<Record<string, string>>;
}

/** Paths of this API, so that a request without a readable signature is refused in the right dialect. */
export function isLambdaPath(rawPath: string): boolean {
  return /^\/(2025-09-09|2017-03-31|2026-04-04|tardigrade\/v1)(\/|$)/.test(rawPath);
}

export function createRouter(operations: readonly Operation[]): (method: string, rawPath: string) => Route | undefined {
  const compiled = operations.map((operation) => ({ operation, segments: operation.path.split('/') }));
  return (method, rawPath) => {
    const sent = rawPath.split('/');
    for (const { operation, segments } of compiled) {
      if (operation.method !== method || segments.length !== sent.length) continue;
      const labels = match(segments, sent);
      if (labels) return { operation, labels };
    }
    return undefined;
  };
}

function match(segments: readonly string[], sent: readonly string[]): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  for (const [i, segment] of segments.entries()) {
    const value = sent[i] ?? '';
    if (!segment.startsWith('{')) {
      if (segment !== value) return undefined;
    } else {
      if (value === '') return undefined;
      labels[segment.slice(1, -1)] = percentDecode(value);
    }
  }
  return labels;
}
