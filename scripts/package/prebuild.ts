/** Builds the Go programs of a package, for each architecture: dist/prebuilt/. Run by `npm pack`. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, readyPath } from '../../src/assets/go.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

// Those of earlier sources are of no use.
await rm(join(ROOT, 'dist/prebuilt'), { recursive: true, force: true });
await mkdir(join(ROOT, 'dist/prebuilt'), { recursive: true });
for (const module of ['guest/agent', 'guest/probe', 'host/jail']) {
  for (const architecture of ['amd64', 'arm64'] as const) await compile(join(ROOT, module), await readyPath(join(ROOT, module), architecture), architecture);
}
