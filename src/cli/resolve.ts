/** From what a person types to what the API takes: names, ids, and the beginnings of both. */
import type { Api, Image, MicrovmSummary } from './client/api.js';
import { CliError } from './errors.js';
import { EXIT } from './exit-codes.js';
import { ageText } from './output/units.js';

const ID = /^microvm-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PREFIX = 'microvm-';
const ENDED = new Set(['TERMINATED', 'TERMINATING']);
/** Candidates shown of an ambiguous name. */
const SHOWN = 10;

/** The first 8 characters name a MicroVM but for a chance of 1 in 4 billion. */
export function shortId(id: string): string {
  return id.startsWith(PREFIX) ? id.slice(PREFIX.length, PREFIX.length + 8) : id;
}

export function imageName(imageArn: string): string {
  return imageArn.slice(imageArn.lastIndexOf(':') + 1);
}

/** A MicroVM by its id, a unique beginning of it with or without `microvm-`, or the name of the image of which it is the only one. */
export async function findMicrovm(api: Api, given: string): Promise<string> {
  if (ID.test(given)) return given;
  const all = await api.microvms();
  const live = all.filter(({ state }) => !ENDED.has(state));
  const named = live.filter(({ imageArn }) => imageName(imageArn) === given || imageArn === given);
  const start = given.startsWith(PREFIX) ? given : `${PREFIX}${given}`;
  const begins = ({ microvmId }: MicrovmSummary): boolean => microvmId.startsWith(start);
  for (const fitting of [named, live.filter(begins), all.filter(begins)]) {
    const [first, ...more] = fitting;
    if (first === undefined) continue;
    if (more.length === 0) return first.microvmId;
    throw new CliError(EXIT.notFound, `'${given}' fits ${fitting.length} MicroVMs`, [
      'type more of the id of the one you mean:',
      ...fitting.slice(0, SHOWN).map(({ microvmId, imageArn, state, startedAt }) => `  ${microvmId}  ${imageName(imageArn)}  ${state}  started ${ageText(startedAt)} ago`),
      ...(fitting.length > SHOWN ? [`  … and ${fitting.length - SHOWN} more: tardigrade ps`] : []),
    ]);
  }
  const image = (await api.images()).find(({ name, imageArn }) => name === given || imageArn === given);
  if (image !== undefined) throw new CliError(EXIT.notFound, `no MicroVM of the image '${image.name}' is running`, [`start one: tardigrade run ${image.name}`]);
  throw new CliError(EXIT.notFound, `there is no MicroVM '${given}'`, ['see those there are: tardigrade ps --all']);
}

export interface FoundImage {
  readonly image: Image;
  /** Of `name:version`. */
  readonly version: string | undefined;
}

/** An image by its name, ARN, or a unique beginning of its name; `:<version>` may follow a name. */
export async function findImage(api: Api, given: string): Promise<FoundImage> {
  const images = await api.images();
  const arn = images.find(({ imageArn }) => imageArn === given);
  if (arn !== undefined) return { image: arn, version: undefined };
  const [, name = given, version] = /^([^:]+):([^:]+)$/.exec(given) ?? [];
  const exact = images.find((image) => image.name === name);
  const fitting = exact === undefined ? images.filter((image) => image.name.startsWith(name)) : [exact];
  const [image, ...more] = fitting;
  if (image === undefined) {
    throw new CliError(EXIT.notFound, `there is no image '${name}'`, ['see those there are: tardigrade image ls', `or build it: tardigrade image build <folder or zip> --name ${/^[\w-]{1,64}$/.test(name) ? name : '<name>'}`]);
  }
  if (more.length > 0) {
    throw new CliError(EXIT.notFound, `'${name}' fits ${fitting.length} images`, ['type more of the name of the one you mean:', ...fitting.slice(0, SHOWN).map((one) => `  ${one.name}`)]);
  }
  return { image, version };
}
