/** Network connectors of a MicroVM (spec §7.1), fixed at Run: managed ones, and customers' for egress. */
import { isCustomerConnector, isNoEgress, managedName } from '../connectors/contracts.js';
import { ValidationError } from '../errors/index.js';
import type { MicrovmRecord } from '../store/contracts.js';

type Direction = 'in' | 'out';

const managed: Readonly<Record<Direction, readonly string[]>> = {
  in: ['HTTP_INGRESS', 'ALL_INGRESS', 'SHELL_INGRESS', 'NO_INGRESS'],
  out: ['INTERNET_EGRESS'],
};

export function managedConnector(region: string, name: string): string {
  return `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`;
}

/**
 * Throws ValidationError unless each is the ARN of a managed connector of that direction, or, for egress, of a
 * customer's or our own that opens nothing; whether a customer's exists is the connectors' to say.
 */
export function checkConnectors(arns: readonly string[], direction: Direction): void {
  const field = direction === 'in' ? 'ingressNetworkConnectors' : 'egressNetworkConnectors';
  for (const arn of arns) {
    const name = managedName(arn);
    if (direction === 'out' && isNoEgress(arn)) {
      if (arns.length > 1) throw new ValidationError('NO_EGRESS cannot be combined with other egress network connectors', field);
    } else if (name !== undefined) {
      if (!managed[direction].includes(name)) throw new ValidationError(`Unrecognized managed network connector ARN: ${arn}`, field);
    } else if (!isCustomerConnector(arn)) {
      throw new ValidationError('Malformed network connector ARN', field);
    } else if (direction === 'in') {
      throw new ValidationError(`Network connector ${arn} is for egress: an ingress connector is one of ${managed.in.join(', ')}`, field);
    }
  }
}

/** Does the endpoint pass application traffic? SHELL_INGRESS alone does not, NO_INGRESS forbids it. */
export function admitsTraffic(record: Pick<MicrovmRecord, 'ingressNetworkConnectors'>): boolean {
  const names = record.ingressNetworkConnectors.map(managedName);
  return !names.includes('NO_INGRESS') && (names.includes('HTTP_INGRESS') || names.includes('ALL_INGRESS'));
}

/** Does the endpoint open shells? */
export function admitsShell(record: Pick<MicrovmRecord, 'ingressNetworkConnectors'>): boolean {
  const names = record.ingressNetworkConnectors.map(managedName);
  return !names.includes('NO_INGRESS') && names.includes('SHELL_INGRESS');
}
