import type { ImageConfig } from '../store/contracts.js';
import { isCustomerConnector } from './validation.js';

/**
 * Builds have the internet with no connector as with INTERNET_EGRESS (spec §3.1). With a customer's connector they go
 * through it on AWS; its networks are not mapped to this host's yet, so such a build reaches nothing outside: denying
 * is safer than opening what the connector may have been made to close. Unknown: build-customer-egress
 */
export function reachesInternet({ egressNetworkConnectors = [] }: ImageConfig): boolean {
  return !egressNetworkConnectors.some(isCustomerConnector);
}
