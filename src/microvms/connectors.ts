/** Network connectors of a MicroVM (spec §7.1): managed ones only, fixed at Run. */
import { UnsupportedOperationError, ValidationError } from '../errors/index.js';
import type { MicrovmRecord } from '../store/contracts.js';

type Direction = 'in' | 'out';

const managed: Readonly<Record<Direction, readonly string[]>> = {
  in: ['HTTP_INGRESS', 'ALL_INGRESS', 'SHELL_INGRESS', 'NO_INGRESS'],
  out: ['INTERNET_EGRESS'],
};

const MANAGED_ARN = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:aws:network-connector:aws-network-connector:([^:]+)$/;
const CUSTOMER_ARN = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:network-connector:[a-zA-Z0-9-_]+(:\d+)?$/;

export function managedConnector(region: string, name: string): string {
  return `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`;
}

/** Throws ValidationError unless each is the ARN of a managed connector of that direction. */
export function checkConnectors(arns: readonly string[], direction: Direction): void {
  const field = direction === 'in' ? 'ingressNetworkConnectors' : 'egressNetworkConnectors';
  for (const arn of arns) {
    const name = nameOf(arn);
    if (name !== undefined) {
      if (!managed[direction].includes(name)) throw new ValidationError(`Unrecognized managed network connector ARN: ${arn}`, field);
    } else if (CUSTOMER_ARN.test(arn)) {
      throw new UnsupportedOperationError(`customer network connectors are not served: ${arn}. Use one of ${managed[direction].join(', ')}`);
    } else {
      throw new ValidationError('Malformed network connector ARN', field);
    }
  }
}

/** Does the endpoint pass application traffic? SHELL_INGRESS alone does not, NO_INGRESS forbids it. */
export function admitsTraffic(record: Pick<MicrovmRecord, 'ingressNetworkConnectors'>): boolean {
  const names = record.ingressNetworkConnectors.map(nameOf);
  return !names.includes('NO_INGRESS') && (names.includes('HTTP_INGRESS') || names.includes('ALL_INGRESS'));
}

export function reachesInternet(record: Pick<MicrovmRecord, 'egressNetworkConnectors'>): boolean {
  return record.egressNetworkConnectors.some((arn) => nameOf(arn) === 'INTERNET_EGRESS');
}

function nameOf(arn: string): string | undefined {
  return MANAGED_ARN.exec(arn)?.[1];
}
