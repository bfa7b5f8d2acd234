/**
 * Every suite with real VMs, in one process and one after the other: they share a service and a built image. A file
 * can be run by itself too: `node --import tsx --test test/integration/engine.test.ts`.
 */
import { after } from 'node:test';
import './support/residue.js'; // first: what it finds now is not of these tests
import { closeShared, keepShared } from './support/service.js';

/** ms the process has to end by itself after the last test. */
const LINGER_MS = 30_000;

keepShared();
after(() => closeShared('now'));
after(() => {
  // What still waits for something then would keep the whole run from ending: that is a leak, and is told as one.
  setTimeout(() => {
    console.error('the tests are over, and the process does not end; it is held by:', process.getActiveResourcesInfo().join(', '));
    process.exit(1);
  }, LINGER_MS).unref();
});

await import('./engine.test.js');
await import('./jail.test.js');
await import('./lifecycle.test.js');
await import('./endpoint.test.js');
await import('./isolation.test.js');
await import('./clones.test.js');
await import('./container.test.js');
await import('./at-rest.test.js');
await import('./endurance.test.js');
await import('./builds.test.js');
await import('./build-layers.test.js');
await import('./build-cache.test.js');
await import('./resources.test.js');
await import('./telemetry.test.js');
await import('./bad-input.test.js');
await import('./awscli.test.js');
await import('./shell.test.js');
await import('./console.test.js');
await import('./cli.test.js');
await import('./cli-mistakes.test.js');
await import('./check.test.js');
await import('./metadata.test.js');
await import('./metadata-links.test.js');
await import('./egress.test.js');
await import('./egress-vm.test.js');
await import('./sbom.test.js');
await import('./examples.test.js');
await import('./docs.test.js');
await import('../security/boundary.test.js');
await import('../security/floods.test.js');
await import('../security/hostile-agent.test.js');
// Last: these count everything on the host, or use the host's ports, so the shared service ends first.
await import('./shutdown.test.js');
await import('./conditions.test.js');
await import('./faults.test.js');
await import('./cli-first-steps.test.js');
await import('./package.test.js');
await import('./quickstart.test.js');
