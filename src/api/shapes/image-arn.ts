/** Image identifiers are ARNs: a bare name is refused with the texts recorded from the live service (spec §1.2, §15). */
import { ValidationError } from '../../errors/index.js';

const pattern = /^arn:[a-z0-9-]+:lambda:[a-z0-9-]*:[a-z0-9]*:microvm-image:.+$/;

/** Throws ValidationError. Check lengths before: the service reports them first. Unknown: malformed-image-arn */
export function requireImageArn(value: string): string {
  if (value.length < 20 || !pattern.test(value)) throw new ValidationError(`Invalid ARN format: ${value}`, 'imageIdentifier');
  return value;
}

/** As {@link requireImageArn}, with RunMicrovm's own text for a value that is no ARN at all. */
export function requireImageArnForRun(value: string): string {
  if (!value.startsWith('arn:')) throw new ValidationError("Malformed ARN - doesn't start with 'arn:'", 'imageIdentifier');
  return requireImageArn(value);
}

/** Versions are `1.0`; the service takes `1` for it as well. Unknown: version-shorthand */
export function normalVersion(version: string): string {
  return /^\d+$/.test(version) ? `${version}.0` : version;
}
