import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveAsTar } from '../artifact/tar.js';
import { need, type BuildContext } from '../build-context.js';
import { ContainerBuildError } from '../../builder/contracts.js';
import { startCommand } from '../container.js';
import { linkOptionsOf } from '../egress.js';
import { BuildFailure } from '../failure.js';
import { guestSize } from '../sizes.js';
import type { Step } from '../step.js';

/** The Dockerfile, run by the builder in a VM of its own; leaves the container's disk where the template will look for it. */
export const build: Step = {
  name: 'build',
  doing: 'building the container image',
  async run(ctx: BuildContext) {
    const { task, deps, folders, signal } = ctx;
    const dir = join(folders.work, 'builder');
    await mkdir(dir);
    ctx.say('Running the Dockerfile.');
    const context = archiveAsTar(need(ctx.archive, 'the archive'));
    // The builder sees a broken stream only; what broke it says more.
    let broken: Error | undefined;
    context.on('error', (error) => (broken = error));
    try {
      const built = await deps.builder.build({
        id: `build-${task.buildId}`,
        dir,
        accountId: task.accountId,
        context,
        diskGiB: guestSize(task.config.resources?.[0]?.minimumMemoryInMiB, deps.hostCpus).diskGiB,
        network: linkOptionsOf(task, deps.connectors),
        onLine: (line) => ctx.log.line('docker', line),
        signal,
      });
      await rename(built.disk, folders.disk);
      startCommand(built.config);
      ctx.built = { ...built, disk: folders.disk };
      ctx.say(`The container image is built: ${built.installBytes} bytes installed.`);
    } catch (error) {
      if (error instanceof ContainerBuildError) throw containerFailure(error);
      throw broken ?? error;
    } finally {
      context.destroy();
    }
  },
};

/** The first sentence is the service's own text. */
function containerFailure(error: ContainerBuildError): BuildFailure {
  const text = error.code === 'CONTAINER_BUILD_FAILED' ? `The container image build failed. ${error.message}` : error.message;
  return new BuildFailure(error.code, text, { cause: error });
}
