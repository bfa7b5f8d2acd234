import type { ImageBuildOptions } from '../commands/image-build.js';
import type { CommonOptions } from '../context.js';
import { collect, type Define, integer, json, port, remote } from './define.js';

const EXAMPLES = `
Examples:
  tardigrade image build ./my-app                          the folder's name is the image's
  tardigrade image build app.zip --name app --memory 512
  tardigrade image build . --hook ready=120 --hook run --hook-port 9000`;

export const defineImages: Define = (program, runtime) => {
  const image = program.command('image').summary('build, list, inspect and remove images').description('Images: what MicroVMs are run from.');
  remote(json(image.command('build'))).argument('<folder|zip>', 'a folder with a Dockerfile, or a zip of its content')
    .summary('build an image from a folder or zip')
    .description('Builds an image from a folder with a Dockerfile (without what .dockerignore names) or a zip of one, and shows\nthe build\'s log until it ends. A name that exists gets a new version, made of this command\'s options alone.')
    .option('--name <name>', 'name of the image (default: the folder\'s or zip\'s)')
    .option('--memory <MiB>', 'memory of its MicroVMs: 512, 1024, 2048 (default), 4096 or 8192', integer(1, 1_048_576))
    .option('--env <NAME=value>', 'variable of the application\'s environment; may be repeated', collect, [])
    .option('--hook <name[=s]>', 'hook the application answers, with its time-out: ready, validate, run, resume, suspend, terminate', collect, [])
    .option('--hook-port <port>', 'port the hooks are called on', port)
    .option('--egress <connector>', 'ARN of the connector the build and its MicroVMs reach the network by')
    .option('--capabilities', 'all Linux capabilities for the container')
    .option('--description <text>', 'of this version')
    .option('--tag <NAME=value>', 'tag of a new image; may be repeated', collect, [])
    .option('--base-image <arn>', 'managed base image')
    .option('--role <arn>', 'build role, which is recorded only')
    .option('--bucket <name>', 'bucket for the zip (default: tardigrade-images-<account>)')
    .option('--no-wait', 'do not wait for the end of the build')
    .option('-q, --quiet', 'without the build\'s log')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, options: ImageBuildOptions & CommonOptions) => {
      const { buildImage } = await import('../commands/image-build.js');
      await buildImage(runtime.context(options), path, options, runtime.interrupted());
    });
  remote(json(image.command('ls'))).alias('list').summary('list images').description('Lists the account\'s images, the newest first.').action(async (options: CommonOptions) => {
    const { listImages } = await import('../commands/images.js');
    await listImages(runtime.context(options));
  });
  remote(json(image.command('inspect'))).argument('<image>', 'name, beginning of it, name:version, or ARN').summary('versions, builds and sizes of an image')
    .description('Shows an image with its versions, their builds and sizes, and why a build failed.').action(async (name: string, options: CommonOptions) => {
      const { inspectImage } = await import('../commands/images.js');
      await inspectImage(runtime.context(options), name);
    });
  remote(json(image.command('rm'))).argument('<image...>', 'name, beginning of it, name:version, or ARN').summary('remove images, or one version of an image')
    .description('Removes images, or with name:version one version. What MicroVMs still run from is refused.')
    .option('--no-wait', 'do not wait until it is gone').action(async (names: readonly string[], options: CommonOptions & { wait: boolean }) => {
      const { removeImages } = await import('../commands/images.js');
      await removeImages(runtime.context(options), names, options);
    });
};
