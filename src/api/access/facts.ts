/** What the access rules look at: the request's members, and what the services know of the resources it names. */
import type { ConnectorService } from '../../connectors/contracts.js';
import { NotFoundError, ValidationError } from '../../errors/index.js';
import type { ImageService, Principal } from '../../images/contracts.js';
import type { MicrovmService } from '../../microvms/contracts.js';

/** The members of a request whose shape is already checked. */
export interface Input {
  has(member: string): boolean;
  text(member: string): string | undefined;
  list(member: string): readonly string[];
  /** undefined when there is none. */
  tags(member: string): Readonly<Record<string, string>> | undefined;
}

/** As the caller sees them: another account's resources have no facts. */
export interface Facts {
  newImageArn(name: string): string;
  imageTags(arn: string): Readonly<Record<string, string>> | undefined;
  imageOfMicrovm(id: string): string | undefined;
  /** `identifier`: id, name or ARN, also with a version behind it: of a connector there is, always the one ARN policies name. */
  connectorArn(identifier: string): string;
  connectorTags(arn: string): Readonly<Record<string, string>> | undefined;
  tagsOf(arn: string): Readonly<Record<string, string>> | undefined;
  ingressOfRun(input: Input): readonly string[];
  egressOfRun(input: Input): readonly string[];
}

export interface FactSources {
  readonly region: string;
  readonly images: Pick<ImageService, 'get' | 'getVersion'>;
  readonly connectors: Pick<ConnectorService, 'get'>;
  readonly microvms: Pick<MicrovmService, 'get'>;
}

export function inputOf(parsed: unknown): Input {
  const members = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Readonly<Record<string, unknown>>;
  return {
    has: (member) => members[member] !== undefined,
    text: (member) => (typeof members[member] === 'string' ? members[member] : undefined),
    list: (member) => (Array.isArray(members[member]) ? members[member].filter((item) => typeof item === 'string') : []),
    tags(member) {
      const tags = members[member];
      return typeof tags === 'object' && tags !== null && Object.keys(tags).length > 0 ? (tags as Readonly<Record<string, string>>) : undefined;
    },
  };
}

export function factsOf({ region, images, connectors, microvms }: FactSources, who: Principal): Facts {
  const managed = (name: string): string => `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`;
  const imageTags = (arn: string) => unlessAbsent(() => images.get(who, arn).tags);
  const connectorOf = (identifier: string) => unlessAbsent(() => connectors.get(who, identifier));
  const connectorTags = (arn: string) => connectorOf(arn)?.tags;
  return {
    newImageArn: (name) => `arn:aws:lambda:${region}:${who.accountId}:microvm-image:${name}`,
    imageTags,
    imageOfMicrovm: (id) => unlessAbsent(() => microvms.get(who, id).imageArn),
    connectorArn: (identifier) =>
      connectorOf(identifier)?.arn ?? (identifier.startsWith('arn:') ? identifier : `arn:aws:lambda:${region}:${who.accountId}:network-connector:${identifier}`),
    connectorTags,
    tagsOf: (arn) => (arn.includes(':network-connector:') ? connectorTags(arn) : imageTags(arn)),
    ingressOfRun: (input) => named(input, 'ingressNetworkConnectors') ?? [managed('HTTP_INGRESS')],
    egressOfRun(input) {
      const arn = input.text('imageIdentifier') ?? '';
      const ofImage = () => unlessAbsent(() => {
        const version = input.text('imageVersion') ?? images.get(who, arn).latestActiveVersion;
        return version === undefined ? undefined : images.getVersion(who, arn, version).config.egressNetworkConnectors;
      });
      return named(input, 'egressNetworkConnectors') ?? nonEmpty(ofImage()) ?? [managed('INTERNET_EGRESS')];
    },
  };
}

/** An empty list is as none. */
function named(input: Input, member: string): readonly string[] | undefined {
  return nonEmpty(input.list(member));
}

function nonEmpty(list: readonly string[] | undefined): readonly string[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

/** A resource that is not there, or an identifier that is none, has no facts; the operation says so later to those who may know. */
function unlessAbsent<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof ValidationError) return undefined;
    throw error;
  }
}
