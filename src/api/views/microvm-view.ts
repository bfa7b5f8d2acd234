/** MicroVMs as the wire shows them (spec §2.2). `logging` and `runHookPayload` are never echoed. */
import type { MicrovmRecord } from '../../store/contracts.js';
import { seconds, withNulls } from './wire.js';

export function microvmDetail(vm: MicrovmRecord, endpointOf: (label: string) => string) {
  return withNulls({
    ...microvmSummary(vm),
    endpoint: endpointOf(vm.endpointLabel),
    maximumDurationInSeconds: vm.maximumDurationInSeconds,
    executionRoleArn: vm.executionRoleArn,
    idlePolicy: vm.idlePolicy,
    terminatedAt: seconds(vm.terminatedAt),
    stateReason: vm.stateReason,
    ingressNetworkConnectors: vm.ingressNetworkConnectors,
    egressNetworkConnectors: vm.egressNetworkConnectors,
  });
}

export function microvmSummary(vm: MicrovmRecord) {
  return {
    microvmId: vm.id,
    state: vm.state,
    imageArn: vm.imageArn,
    imageVersion: vm.imageVersion,
    startedAt: seconds(vm.startedAt),
  };
}
