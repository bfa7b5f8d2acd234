import { isCustomerConnector } from '../connectors/contracts.js';
import { ValidationError } from '../errors/index.js';
import type { Launchable, Principal } from '../images/contracts.js';
import type { MicrovmRecord } from '../store/contracts.js';
import { checkConnectors, managedConnector } from './connectors.js';
import type { RunInput } from './contracts.js';
import type { MicrovmDeps } from './deps.js';
import { hookEnabled } from './runtime-hooks.js';

/** Seconds; also the maximum (spec §2.2). */
const DEFAULT_MAXIMUM_DURATION = 28_800;

/**
 * Checks a Run and makes its record. Order of checks as observed: ARN syntax, then the image, then hooks; customers' connectors last.
 * The run hook payload is a secret and is in no record.
 */
export function planRun(
  deps: Pick<MicrovmDeps, 'catalog' | 'connectors' | 'clock' | 'config'>,
  uuid: () => string,
  who: Principal,
  input: RunInput,
): { readonly record: MicrovmRecord; readonly image: Launchable } {
  const { clock } = deps;
  const ingress = input.ingressNetworkConnectors ?? [];
  const egress = input.egressNetworkConnectors ?? [];
  checkConnectors(ingress, 'in');
  checkConnectors(egress, 'out');
  const image = deps.catalog.launchable(who, input.imageArn, input.imageVersion);
  if (input.runHookPayload !== undefined && !hookEnabled(image.config, 'run')) {
    throw new ValidationError('The run hook must be enabled in the MicroVM image to pass the run hook payload', 'runHookPayload');
  }
  const { region } = deps.config;
  const effectiveEgress = orDefault(
    egress.length > 0 ? egress : (image.config.egressNetworkConnectors ?? []),
    managedConnector(region, 'INTERNET_EGRESS'),
  );
  for (const arn of effectiveEgress) {
    if (isCustomerConnector(arn)) deps.connectors.requireUsable(who, arn, 'egressNetworkConnectors');
  }
  const record: MicrovmRecord = {
    id: `microvm-${uuid()}`,
    accountId: who.accountId,
    endpointLabel: uuid(),
    state: 'PENDING',
    imageArn: image.imageArn,
    imageVersion: image.version,
    executionRoleArn: input.executionRoleArn,
    idlePolicy: input.idlePolicy,
    logging: input.logging,
    maximumDurationInSeconds: input.maximumDurationInSeconds ?? DEFAULT_MAXIMUM_DURATION,
    // [] is as omitted, as recorded for egress. Unknown: vm-ingress-empty
    ingressNetworkConnectors: orDefault(ingress, managedConnector(region, 'HTTP_INGRESS')),
    egressNetworkConnectors: effectiveEgress,
    startedAt: clock.now(),
    startedSteady: clock.steady(),
    resumeOnStart: false,
  };
  return { record, image };
}

function orDefault(arns: readonly string[], arn: string): readonly string[] {
  return arns.length > 0 ? arns : [arn];
}
