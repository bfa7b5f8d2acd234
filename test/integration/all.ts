/**
 * Every suite with real VMs, in one process and one after the other: they share a service and a built image. A file
 * can be run by itself too: `node --import tsx --test test/integration/engine.test.ts`.
 */
import { after } from 'node:test';
import { closeShared, keepShared } from './support/service.js';

keepShared();
after(() => closeShared('now'));

await import('./engine.test.js');
await import('./lifecycle.test.js');
await import('./endpoint.test.js');
await import('./isolation.test.js');
await import('./endurance.test.js');
await import('./resources.test.js');
await import('./builds.test.js');
await import('./resources.test.js');
await import('./bad-input.test.js');
await import('./awscli.test.js');
// Last: these count everything on the host, or use the host's ports, so the shared service ends first.
await import('./shutdown.test.js');
await import('./conditions.test.js');
await import('./faults.test.js');
await import('./quickstart.test.js');
