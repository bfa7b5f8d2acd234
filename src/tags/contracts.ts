/** Tags of images and connectors (spec §2.3); a MicroVM has none. */
import type { Principal } from '../images/contracts.js';

export type Tags = Readonly<Record<string, string>>;

/**
 * `arn` names an image or a connector of the caller. Every method throws NotFoundError for what is neither,
 * ValidationError for tags that break a rule, ConflictError for a resource that is being deleted.
 */
export interface TagService {
  list(who: Principal, arn: string): Tags;
  /** Adds to the tags there are; a key given again gets the new value. */
  add(who: Principal, arn: string, tags: Tags): void;
  /** Keys that are not there are no error. */
  remove(who: Principal, arn: string, keys: readonly string[]): void;
}
