/**
 * Whether a create request makes sense; its shape is checked already. In order: base image, artifact, size, hooks,
 * environment, connectors. The order between these groups is not published (Unknown: image-check-order).
 * Texts in AWS's words where recorded (spec §2.1, §3), else ours (Unknown: image-error-texts).
 */
import { isCustomerConnector, isNoEgress } from '../connectors/contracts.js';
import { ValidationError } from '../errors/index.js';
import type { ImageConfig, Hooks } from '../store/contracts.js';
import { parseS3Uri } from './artifact/fetch.js';
import { canonicalVersion } from './arn.js';
import type { ManagedImage } from './contracts.js';
import { MEMORY_SIZES_MIB } from './sizes.js';

/** Set by the platform in every guest (spec §8.4). AWS publishes no list; AWS_REGION is the one recorded. Unknown: reserved-env */
export const RESERVED_ENV: readonly string[] = [
  'AWS_REGION',
  'AWS_LAMBDA_MICROVM_IMAGE_NAME',
  'AWS_LAMBDA_MICROVM_IMAGE_ARN',
  'AWS_LAMBDA_MICROVM_IMAGE_VERSION',
];

const MAX_ENV = 50;

/**
 * Throws ValidationError; returns the config as it is recorded and echoed. Customer connectors are checked for their
 * form alone: whether they exist is the connectors' to say.
 */
export function validateConfig(config: ImageConfig, managed: readonly ManagedImage[]): ImageConfig {
  checkBaseImage(config, managed);
  if (parseS3Uri(config.codeArtifact.uri) === undefined) {
    throw new ValidationError(`Invalid code artifact uri: ${config.codeArtifact.uri}. It must be of the form s3://bucket/key.`, 'codeArtifact.uri');
  }
  checkMemory(config);
  checkHooks(config.hooks);
  checkEnvironment(config.environmentVariables ?? {});
  for (const arn of config.egressNetworkConnectors ?? []) checkEgressConnector(arn);
  return config.baseImageVersion === undefined ? config : { ...config, baseImageVersion: canonicalVersion(config.baseImageVersion) };
}

function checkBaseImage({ baseImageArn, baseImageVersion }: ImageConfig, managed: readonly ManagedImage[]): void {
  const base = managed.find(({ imageArn }) => imageArn === baseImageArn);
  const wanted = baseImageVersion === undefined ? undefined : canonicalVersion(baseImageVersion);
  const known = base?.versions.some(({ version }) => wanted === undefined || canonicalVersion(version) === wanted) ?? false;
  if (known) return;
  const which = baseImageVersion === undefined ? `arn ${baseImageArn}` : `arn ${baseImageArn} and version ${baseImageVersion}`;
  throw new ValidationError(
    `No managed MicroVM Image with ${which} is available`,
    base === undefined || baseImageVersion === undefined ? 'baseImageArn' : 'baseImageVersion',
  );
}

function checkMemory({ resources, baseImageArn }: ImageConfig): void {
  for (const { minimumMemoryInMiB } of resources ?? []) {
    if (MEMORY_SIZES_MIB.includes(minimumMemoryInMiB)) continue;
    throw new ValidationError(
      `The requested memory size of ${minimumMemoryInMiB} MiB is not supported by base MicroVM image ${baseImageArn}. ` +
        `Supported memory sizes in MiB are: [${MEMORY_SIZES_MIB.join(', ')}].`,
      'resources',
    );
  }
}

function checkHooks(hooks: Hooks | undefined): void {
  const { port, microvmHooks = {}, microvmImageHooks = {} } = hooks ?? {};
  const lifecycle = (['run', 'resume', 'suspend', 'terminate'] as const).some((hook) => microvmHooks[hook] === 'ENABLED');
  const build = (['ready', 'validate'] as const).some((hook) => microvmImageHooks[hook] === 'ENABLED');
  if ((lifecycle || build) && port === undefined) {
    throw new ValidationError('The hooks port must be specified when any hook is enabled.', 'hooks.port');
  }
  if (lifecycle && microvmImageHooks.ready !== 'ENABLED') {
    throw new ValidationError(
      'The ready (/ready) MicroVM image hook must be enabled when any MicroVM lifecycle hook (run, resume, suspend, or terminate) is enabled.',
      'hooks.microvmImageHooks.ready',
    );
  }
}

function checkEnvironment(env: Readonly<Record<string, string>>): void {
  const keys = Object.keys(env);
  if (keys.length > MAX_ENV) {
    throw new ValidationError(
      `1 validation error detected: Value at 'environmentVariables' failed to satisfy constraint: Member must have length less than or equal to ${MAX_ENV}`,
      'environmentVariables',
    );
  }
  for (const key of keys) {
    if (RESERVED_ENV.includes(key)) throw new ValidationError(`Environment variable key '${key}' is reserved`, 'environmentVariables');
    // Neither can be part of a process's environment.
    if (/[=\0]/.test(key)) throw new ValidationError(`Environment variable key '${key}' must not contain '=' or NUL`, 'environmentVariables');
    if (env[key]?.includes('\0') === true) {
      throw new ValidationError(`The value of environment variable '${key}' must not contain NUL`, 'environmentVariables');
    }
  }
}

/** Managed connectors are known by name. Builds reach the internet with or without INTERNET_EGRESS (spec §3.1). */
function checkEgressConnector(arn: string): void {
  const match = /^arn:[a-z0-9-]+:lambda:[a-z0-9-]+:(aws|\d{12}):network-connector:(.+)$/.exec(arn);
  if (isCustomerConnector(arn) || isNoEgress(arn)) return;
  if (match?.[1] !== 'aws') throw new ValidationError('Malformed network connector ARN', 'egressNetworkConnectors');
  if (match[2] !== 'aws-network-connector:INTERNET_EGRESS') {
    throw new ValidationError(`Unrecognized managed network connector ARN: ${arn}`, 'egressNetworkConnectors');
  }
}
