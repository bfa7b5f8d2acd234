/** Rules of AWS tags that hold for every resource; lengths and characters are checked with the request's shape. */
import { ValidationError } from '../errors/index.js';

/** AWS's limit for every resource (https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html). */
const MAX_TAGS = 50;

/** Throws ValidationError. `tags`: all the resource would have. Unknown: tag-refusals */
export function checkTags(tags: Readonly<Record<string, string>>, field: string): void {
  const keys = Object.keys(tags);
  const reserved = keys.find((key) => /^aws:/i.test(key));
  if (reserved !== undefined) throw new ValidationError(`Tag key '${reserved}' starts with 'aws:', which is reserved for AWS: choose another key`, field);
  if (keys.length > MAX_TAGS) throw new ValidationError(`A resource can have at most ${MAX_TAGS} tags; it would have ${keys.length}`, field);
}
