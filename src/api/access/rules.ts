/**
 * What each operation needs permission for (spec §8.1): the one table. MicroVM operations are authorised against the
 * image; lists need `*`; whoever hands over a role, a connector or tags needs permission for that too.
 */
import { normalVersion } from '../shapes/image-arn.js';
import type { Facts, Input } from './facts.js';

/** One question to the caller's policies. */
export interface AccessCheck {
  readonly action: string;
  /** Allowed when one of them is allowed, denied when one of them is denied. */
  readonly resources: readonly string[];
  /** Tags of the resource, for `aws:ResourceTag/*`. */
  readonly resourceTags?: Readonly<Record<string, string>> | undefined;
  /** Tags or keys of tags in the request, for `aws:RequestTag/*` and `aws:TagKeys`. */
  readonly requestTags?: Readonly<Record<string, string>> | undefined;
  readonly tagKeys?: readonly string[] | undefined;
  /** For `iam:PassedToService`. */
  readonly passedTo?: string | undefined;
}

type Rule = (input: Input, facts: Facts, action: string) => AccessCheck[];

/** Lists, and what is about no single resource. */
const anything: Rule = (_input, _facts, action) => [{ action, resources: ['*'] }];

const image: Rule = (input, facts, action) => {
  const arn = input.text('imageIdentifier') ?? '*';
  return [{ action, resources: [arn], resourceTags: facts.imageTags(arn) }];
};

/** Either form of the resource will do: the image's ARN or that with the version behind it. Unknown: version-resource */
const version: Rule = (input, facts, action) => {
  const arn = input.text('imageIdentifier') ?? '*';
  return [{ action, resources: [arn, `${arn}:${normalVersion(input.text('imageVersion') ?? '*')}`], resourceTags: facts.imageTags(arn) }];
};

const newImage: Rule = (input, facts, action) => {
  const requestTags = input.tags('tags');
  const resources = [facts.newImageArn(input.text('name') ?? '*')];
  const own = { action, resources, requestTags };
  return requestTags === undefined ? [own] : [own, { ...own, action: 'lambda:TagResource' }];
};

/** A MicroVM nobody has: only a policy for all resources covers it, so that others do not learn which ids exist. Unknown: access-unknown-vm */
const microvm: Rule = (input, facts, action) => {
  const arn = facts.imageOfMicrovm(input.text('microvmIdentifier') ?? '') ?? '*';
  return [{ action, resources: [arn], resourceTags: facts.imageTags(arn) }];
};

function passRole(member: string): Rule {
  return (input) => {
    const role = input.text(member);
    return role === undefined ? [] : [{ action: 'iam:PassRole', resources: [role], passedTo: 'lambda.amazonaws.com' }];
  };
}

function passConnectors(arns: readonly string[], facts: Facts): AccessCheck[] {
  return [...new Set(arns.map((arn) => facts.connectorArn(arn)))].map((arn) => ({ action: 'lambda:PassNetworkConnector', resources: [arn], resourceTags: facts.connectorTags(arn) }));
}

/** Those named; of a Run also those it gets without naming any. */
const passRunConnectors: Rule = (input, facts) =>
  passConnectors([...facts.ingressOfRun(input), ...facts.egressOfRun(input)], facts);

/** Only those named: what a build without one may reach is no connector. Unknown: access-build-egress */
const passBuildConnectors: Rule = (input, facts) => passConnectors(input.list('egressNetworkConnectors'), facts);

const connector: Rule = (input, facts, action) => {
  const arn = facts.connectorArn(input.text('Identifier') ?? '*');
  return [{ action, resources: [arn], resourceTags: facts.connectorTags(arn) }];
};

/** Its id is not known yet. Unknown: access-new-connector */
const newConnector: Rule = (input, facts, action) => {
  const requestTags = input.tags('Tags');
  const own = { action, resources: [facts.connectorArn('*')], requestTags };
  return requestTags === undefined ? [own] : [own, { ...own, action: 'lambda:TagResource' }];
};

const tagged: Rule = (input, facts, action) => {
  const arn = input.text('Resource') ?? '*';
  return [{ action, resources: [arn], resourceTags: facts.tagsOf(arn), requestTags: input.tags('Tags'), tagKeys: input.has('tagKeys') ? input.list('tagKeys') : undefined }];
};

const all = (...rules: readonly Rule[]): Rule => (input, facts, action) => rules.flatMap((rule) => rule(input, facts, action));

/** By operation. An operation that is not here is served to nobody whose key has policies. */
export const accessRules: Readonly<Record<string, Rule>> = {
  CreateMicrovmImage: all(newImage, passRole('buildRoleArn'), passBuildConnectors),
  UpdateMicrovmImage: all(image, passRole('buildRoleArn'), passBuildConnectors),
  GetMicrovmImage: image,
  ListMicrovmImages: anything,
  DeleteMicrovmImage: image,
  GetMicrovmImageVersion: version,
  ListMicrovmImageVersions: anything,
  UpdateMicrovmImageVersion: version,
  DeleteMicrovmImageVersion: version,
  GetMicrovmImageBuild: version,
  ListMicrovmImageBuilds: anything,
  ListManagedMicrovmImages: anything,
  ListManagedMicrovmImageVersions: anything,

  RunMicrovm: all(image, passRole('executionRoleArn'), passRunConnectors),
  GetMicrovm: microvm,
  GetMicrovmOutlook: microvm,
  ListMicrovms: anything,
  SuspendMicrovm: microvm,
  ResumeMicrovm: microvm,
  TerminateMicrovm: microvm,
  CreateMicrovmAuthToken: microvm,
  CreateMicrovmShellAuthToken: microvm,

  ListTags: tagged,
  TagResource: tagged,
  UntagResource: tagged,

  CreateNetworkConnector: all(newConnector, passRole('OperatorRole')),
  GetNetworkConnector: connector,
  ListNetworkConnectors: anything,
  UpdateNetworkConnector: all(connector, passRole('OperatorRole')),
  DeleteNetworkConnector: connector,

  GetUsageReport: anything,
  GetMicrovmUsage: microvm,
  StreamEvents: anything,
  ListMicrovmLaunches: microvm,
  ListMicrovmSamples: microvm,
  GetTop: anything,
  ListMicrovmImageBuildSteps: version,
  CollectGarbage: anything,
};
