/** `tardigrade image ls|inspect|rm`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../client/api.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { ApiError } from '../../daemon/remote.js';
import { stateColour } from '../output/style.js';
import { facts, table } from '../output/table.js';
import { ageText, bytesText, timeText } from '../output/units.js';
import { findImage } from '../resolve.js';

export async function listImages(context: Context): Promise<void> {
  const api = await context.api();
  const images = [...(await api.images())].sort((a, b) => b.createdAt - a.createdAt);
  context.result(images, () => {
    const rows = images.map((image) => [image.name, image.latestActiveImageVersion ?? '-', image.state, ageText(image.createdAt)]);
    return table([{ title: 'NAME' }, { title: 'VERSION' }, { title: 'STATE' }, { title: 'AGE' }], rows, (cell, column) => (column === 2 ? context.style(stateColour(cell), cell) : cell));
  });
  if (images.length === 0 && !context.json) context.note('No images. Build one: tardigrade image build <folder or zip>');
}

export async function inspectImage(context: Context, given: string): Promise<void> {
  const api = await context.api();
  const { image, version: wanted } = await findImage(api, given);
  const versions = (await api.versions(image.imageArn)).filter(({ imageVersion }) => wanted === undefined || imageVersion === wanted);
  if (versions.length === 0) throw new CliError(EXIT.notFound, `the image '${image.name}' has no version '${wanted ?? ''}'`, [`see those it has: tardigrade image inspect ${image.name}`]);
  const described = await Promise.all(versions.map(async (version) => {
    const builds = await api.builds(image.imageArn, version.imageVersion);
    return { ...version, builds: await Promise.all(builds.map(({ buildId }) => describeBuild(api, image.imageArn, version.imageVersion, buildId))) };
  }));
  context.result({ ...(await api.image(image.imageArn)), versions: described }, () => {
    const head = facts([['Image', image.name], ['ARN', image.imageArn], ['State', image.state], ['Active version', image.latestActiveImageVersion ?? '-'], ['Created', timeText(image.createdAt)]]);
    const rows = described.map(({ imageVersion, state, status, createdAt, resources, builds, stateReason }) => {
      const sizes = builds[0]?.snapshotBuild;
      return [imageVersion, state, status, resources?.[0] === undefined ? '-' : `${resources[0].minimumMemoryInMiB} MiB`, bytesOf(sizes?.memorySnapshotSizeInBytes), bytesOf(sizes?.diskSnapshotSizeInBytes), ageText(createdAt), stateReason ?? builds[0]?.stateReason ?? ''];
    });
    return `${head}\n${table([{ title: 'VERSION' }, { title: 'STATE' }, { title: 'STATUS' }, { title: 'MEMORY' }, { title: 'SNAPSHOT', align: 'right' }, { title: 'DISK', align: 'right' }, { title: 'AGE' }, { title: 'REASON' }], rows, (cell, column) => (column === 1 ? context.style(stateColour(cell), cell) : cell))}`;
  });
}

async function describeBuild(api: Api, imageArn: string, version: string, buildId: string) {
  const [build, steps] = await Promise.all([api.build(imageArn, version, buildId), api.steps(imageArn, version, buildId)]);
  return { ...build, ...(steps === undefined ? {} : { steps }) };
}

function bytesOf(bytes: number | null | undefined): string {
  return bytes ? bytesText(bytes) : '-';
}

const POLL_MS = 200;

/** Deletes an image, or with `name:version` one version; waits until it is gone. */
export async function removeImages(context: Context, names: readonly string[], { wait }: { readonly wait: boolean }): Promise<void> {
  const api = await context.api();
  const removed: string[] = [];
  for (const name of names) {
    const { image, version } = await findImage(api, name);
    if (version === undefined) await api.deleteImage(image.imageArn);
    else await api.deleteVersion(image.imageArn, version);
    if (wait) await gone(api, image.imageArn, version);
    removed.push(version === undefined ? image.name : `${image.name}:${version}`);
    if (!context.json) context.print(`${removed.at(-1) ?? ''}\n`);
  }
  if (context.json) context.result({ removed }, () => '');
}

async function gone(api: Api, arn: string, version: string | undefined): Promise<void> {
  for (;;) {
    try {
      const { state } = version === undefined ? await api.image(arn) : await api.version(arn, version);
      if (state === 'DELETE_FAILED') throw new CliError(EXIT.failed, `${arn} could not be deleted`, ['see why: tardigrade image inspect, and the server\'s log; then try again']);
      if (state === 'DELETED') return;
    } catch (error) {
      if (error instanceof ApiError && error.type === 'ResourceNotFoundException') return;
      throw error;
    }
    await sleep(POLL_MS);
  }
}
