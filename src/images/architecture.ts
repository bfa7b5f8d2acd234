/** The architecture that builds report, and what a request may ask for (spec §1.3: the model's only value is ARM_64). */
import { ValidationError } from '../errors/index.js';
import type { ImageConfig } from '../store/contracts.js';

/** In the model's spelling; X86_64 is ours, after Lambda's functions. */
export function architectureOf(host: NodeJS.Architecture): string {
  return host === 'arm64' ? 'ARM_64' : 'X86_64';
}

/**
 * Throws ValidationError for an architecture this host does not have. With `advice` it is never asked: unmodified
 * clients can name ARM_64 only, and builds run on what there is. Unknown: architecture-absent
 */
export function checkArchitecture({ cpuConfigurations = [] }: ImageConfig, host: NodeJS.Architecture): void {
  const there = architectureOf(host);
  const missing = cpuConfigurations.find(({ architecture }) => architecture !== there);
  if (missing === undefined) return;
  throw new ValidationError(
    `No host has the architecture ${missing.architecture}. Architectures there are: [${there}]. Leave cpuConfigurations out to build for them.`,
    'cpuConfigurations',
  );
}
