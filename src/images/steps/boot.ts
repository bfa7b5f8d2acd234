import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GuestAgentError } from '../../guest/contracts.js';
import { logAppLine } from '../app-log.js';
import { need, type BuildContext } from '../build-context.js';
import { containerSpec } from '../container.js';
import { BuildFailure } from '../failure.js';
import { openMachine } from '../machine.js';
import { guestSize } from '../sizes.js';
import type { Step } from '../step.js';

/** A VM with the container's disk, and the application started in it. */
export const boot: Step = {
  name: 'boot',
  doing: 'starting the virtual machine',
  async run(ctx: BuildContext) {
    const { task, deps, folders } = ctx;
    const built = need(ctx.built, 'the built container');
    const { memoryMiB, vcpus, cpuWeight } = guestSize(task.config.resources?.[0]?.minimumMemoryInMiB, deps.hostCpus);
    const dir = join(folders.work, 'boot');
    await mkdir(dir);
    ctx.say(`Starting a virtual machine with ${memoryMiB} MiB and ${vcpus} vCPUs.`);
    const machine = await openMachine(ctx, (link) =>
      deps.engine.boot({ id: `boot-${task.buildId}`, size: { memoryMiB, vcpus, cpuWeight }, disks: [{ path: built.disk, format: 'raw' }], link, dir }),
    );
    const spec = containerSpec(task, built.config, deps.region);
    ctx.say(`Starting the application: ${JSON.stringify(spec.args)}`);
    await machine.whileAlive(machine.agent.start(spec)).catch((error: unknown) => {
      // No such program, user or folder: the Dockerfile's fault far more often than the agent's.
      if (!(error instanceof GuestAgentError)) throw error;
      throw new BuildFailure('CONTAINER_BUILD_FAILED', `The application could not be started: ${error.message}`, { cause: error });
    });
    await machine.follow(0, logAppLine(ctx));
    ctx.machine = machine;
  },
};
