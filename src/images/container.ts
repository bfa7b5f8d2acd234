/** What the application's process is, from the built container's config and the image's settings. */
import type { ContainerConfig } from '../builder/contracts.js';
import type { ContainerSpec } from '../guest/contracts.js';
import { BuildFailure } from './failure.js';
import type { BuildTask } from './task.js';

/** Of a Debian or Alpine root login; Docker sets the same. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Throws CONTAINER_BUILD_FAILED when the Dockerfile names nothing to run. */
export function startCommand(config: ContainerConfig): readonly string[] {
  const args = [...config.entrypoint, ...config.cmd];
  if (args.length > 0) return args;
  throw new BuildFailure('CONTAINER_BUILD_FAILED', 'The container image has neither ENTRYPOINT nor CMD: there is nothing to start.');
}

/** Later ones win: defaults, the Dockerfile's ENV, the image's variables, the platform's (spec §8.4). Unknown: env-precedence */
export function containerSpec(task: BuildTask, config: ContainerConfig, region: string): ContainerSpec {
  return {
    rootDevice: '/dev/vda',
    args: startCommand(config),
    env: {
      PATH: DEFAULT_PATH,
      HOME: '/root',
      ...config.env,
      ...task.config.environmentVariables,
      AWS_REGION: region,
      AWS_LAMBDA_MICROVM_IMAGE_NAME: task.imageName,
      AWS_LAMBDA_MICROVM_IMAGE_ARN: task.imageArn,
      AWS_LAMBDA_MICROVM_IMAGE_VERSION: task.version,
    },
    cwd: config.workdir,
    user: config.user,
    capabilities: task.config.additionalOsCapabilities?.includes('ALL') === true ? 'all' : 'default',
    stopSignal: config.stopSignal,
  };
}
