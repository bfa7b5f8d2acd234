/** Availability zones have names like `us-east-1a`, which mean another zone to each account, and ids like `use1-az1`. */

/**
 * The id of the first zone of a Region, by AWS's scheme: `us-east-1` → `use1-az1`, `ap-southeast-2` → `apse2-az1`. This
 * server is one zone. Unknown: metadata-zone
 */
export function firstZoneId(region: string): string {
  const [country = '', ...rest] = region.split('-');
  const digit = rest.pop() ?? '';
  // gov, iso, isob stay recognisable by their first letter, as in AWS's usgw1.
  const initials = rest.map((word) => word.replace(/^(north|south)(east|west)$/, '$1-$2').split('-').map((part) => part.charAt(0)).join('')).join('');
  return `${country}${initials}${digit}-az1`;
}
