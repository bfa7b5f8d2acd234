/** Names of images and versions on the wire (spec §1.2). */

export function imageArn(region: string, accountId: string, name: string): string {
  return `arn:aws:lambda:${region}:${accountId}:microvm-image:${name}`;
}

export function isImageArn(text: string): boolean {
  return /^arn:[a-z0-9-]+:lambda:[a-z0-9-]*:[a-z0-9]*:microvm-image:[a-zA-Z0-9-_]+$/.test(text);
}

/** `1` and `1.0` name the same version; `1.0` is how it is recorded. */
export function canonicalVersion(version: string): string {
  return /^\d+$/.test(version) ? `${version}.0` : version;
}
