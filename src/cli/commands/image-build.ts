/** `tardigrade image build <folder or zip>`: to an image that can be run, with its build's log as it comes. */
import { basename, resolve } from 'node:path';
import { archiveOf, type Archive } from '../archive/pack.js';
import type { Api, Image } from '../client/api.js';
import { upload } from '../client/objects.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { Status } from '../output/status.js';
import { bytesText, durationText, millisText } from '../output/units.js';
import { watchBuild, type Watched } from './build-watch.js';
import { hooksOf, keyValues } from './image-options.js';

export interface ImageBuildOptions {
  readonly name?: string;
  /** MiB */
  readonly memory?: number;
  readonly env: readonly string[];
  readonly tag: readonly string[];
  readonly hook: readonly string[];
  readonly hookPort?: number;
  readonly egress?: string;
  readonly capabilities?: boolean;
  readonly description?: string;
  readonly baseImage?: string;
  readonly role?: string;
  readonly bucket?: string;
  readonly wait: boolean;
  readonly quiet?: boolean;
}

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** `signal` ends the watching, not the build. */
export async function buildImage(context: Context, path: string, options: ImageBuildOptions, signal: AbortSignal): Promise<void> {
  const name = options.name ?? nameFor(path);
  if (!NAME.test(name)) throw new CliError(EXIT.usage, `'${name}' cannot be an image's name`, ['give it one of 1 to 64 letters, digits, - and _: --name my-app']);
  const settings = settingsOf(options);
  const status = new Status(context.io.stderr);
  const api = await context.api();
  const archive = await status.step(`read ${path}`, () => archiveOf(path, (text) => status.line(`! ${text}`)), (made) => `read ${path}: ${made.files === undefined ? '' : `${made.files} file${made.files === 1 ? '' : 's'}, `}${bytesText(made.bytes)} zipped`);
  try {
    const existing = (await api.images()).find((image) => image.name === name);
    const accountId = await accountOf(api, existing);
    const bucket = options.bucket ?? `tardigrade-images-${accountId}`;
    const { uri } = await status.step('upload', () => upload(api.access, archive, bucket, name, signal), ({ uri: to, sent }) => (sent ? `upload to ${to}` : `${to} is there already`));
    const input = {
      baseImageArn: `arn:aws:lambda:${api.access.region}:aws:microvm-image:al2023-1`, buildRoleArn: `arn:aws:iam::${accountId}:role/tardigrade-build`, codeArtifact: { uri }, ...settings,
    };
    const { imageArn, imageVersion } = existing === undefined ? await api.createImage({ name, ...input, ...tagsOf(options) }) : await api.updateImage(existing.imageArn, input);
    status.line(`${existing === undefined ? 'new image' : 'new version of'} ${name}: ${imageVersion}`);
    if (!options.wait) {
      context.result({ imageArn, name, imageVersion, state: 'PENDING' }, () => `${name}:${imageVersion}\n`);
      return context.note(`Watch it: tardigrade logs -f ${name}${context.again}`);
    }
    const watched = await watchBuild(api, { imageArn, imageVersion, name }, status, { quiet: options.quiet ?? false, signal });
    if (watched === undefined) return status.line(`The build of ${name}:${imageVersion} goes on. Watch it: tardigrade logs -f ${name}${context.again}`);
    report(context, name, archive, watched, status);
  } finally {
    status.close();
    await archive.release();
  }
}

/** Of the folder or zip, in letters a name may have. */
function nameFor(path: string): string {
  return basename(resolve(path)).replace(/\.zip$/i, '').replace(/[^a-zA-Z0-9_-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 64);
}

function settingsOf(options: ImageBuildOptions): Record<string, unknown> {
  const environmentVariables = keyValues(options.env, '--env');
  const hooks = hooksOf(options.hook, options.hookPort);
  return {
    ...(options.memory === undefined ? {} : { resources: [{ minimumMemoryInMiB: options.memory }] }),
    ...(options.env.length === 0 ? {} : { environmentVariables }),
    ...(hooks === undefined ? {} : { hooks }),
    ...(options.egress === undefined ? {} : { egressNetworkConnectors: [options.egress] }),
    ...(options.capabilities === true ? { additionalOsCapabilities: ['ALL'] } : {}),
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.baseImage === undefined ? {} : { baseImageArn: options.baseImage }),
    ...(options.role === undefined ? {} : { buildRoleArn: options.role }),
  };
}

function tagsOf({ tag }: ImageBuildOptions): { readonly tags?: Readonly<Record<string, string>> } {
  return tag.length === 0 ? {} : { tags: keyValues(tag, '--tag') };
}

/** An ARN has it; without an image, the account's usage does. */
async function accountOf(api: Api, existing: Image | undefined): Promise<string> {
  const account = existing?.imageArn.split(':')[4];
  return account ?? ((await api.usage({})) as { accountId: string }).accountId;
}

/** Codes of stateReason (docs/images.md), and what to do about them. */
const FIXES: readonly (readonly [reason: RegExp, fix: string])[] = [
  [/^ARCHIVE_DOCKERFILE_NOT_FOUND/, 'the Dockerfile must be at the root of the zip: zip the folder\'s content, or name the folder itself to this command'],
  [/^ARCHIVE_INVALID/, 'zip it anew, or name the folder to this command, which zips it'],
  [/^CONTAINER_BUILD_FAILED/, 'mend the line of the Dockerfile that is told above, and build again'],
  [/^DISK_STORAGE_FULL/, 'free space in the server\'s data folder (tardigrade gc), or make the image smaller'],
  [/^S3_/, 'let this command upload it: tardigrade image build <folder or zip>'],
  [/^INTERNAL_PLATFORM_ERROR/, 'on the server\'s host: tardigrade doctor, and the server\'s log'],
  [/hook|ready|validate/i, 'the application must answer POST /aws/lambda-microvms/runtime/v1/<hook> on the hooks\' port with 200 in time (docs/images.md)'],
];

function report(context: Context, name: string, archive: Archive, { build, version, steps, ms }: Watched, status: Status): void {
  const { memorySnapshotSizeInBytes: memory, diskSnapshotSizeInBytes: disk } = build?.snapshotBuild ?? {};
  const outcome = {
    imageArn: version.imageArn, name, imageVersion: version.imageVersion, buildId: build?.buildId ?? null, state: version.state, stateReason: version.stateReason ?? build?.stateReason ?? null,
    bytes: { zip: archive.bytes, memory: memory ?? null, disk: disk ?? null }, milliseconds: { build: Math.round(ms), total: Math.round(status.elapsed) }, steps: steps ?? null,
  };
  const reason = outcome.stateReason ?? '';
  if (version.state !== 'SUCCESSFUL') {
    if (context.json) context.result(outcome, () => '');
    const fix = FIXES.find(([pattern]) => pattern.test(reason))?.[1];
    throw new CliError(EXIT.buildFailed, `the build of ${name}:${version.imageVersion} failed after ${millisText(ms)}: ${reason}`, [...(fix === undefined ? [] : [fix]), `read its log again: tardigrade logs ${name}${context.again}`]);
  }
  const timings = steps?.map((step) => `${step.name} ${millisText(((step.endedAt ?? step.startedAt) - step.startedAt) * 1000)}`).join(', ');
  const sizes = [`zip ${bytesText(archive.bytes)}`, ...(memory ? [`memory ${bytesText(memory)}`] : []), ...(disk ? [`disk ${bytesText(disk)}`] : [])].join(', ');
  context.result(outcome, () => `${name}:${version.imageVersion}  built in ${durationText(ms / 1000)}${timings ? ` (${timings})` : ''}; ${sizes}\n`);
  if (!context.json) context.note(`Run it: tardigrade run ${name}${context.again}`);
}
