import { ConflictError, NotFoundError, type ResourceType } from '../errors/index.js';
import type { Principal } from '../images/contracts.js';
import type { Store } from '../store/contracts.js';
import type { TagService, Tags } from './contracts.js';
import { checkTags } from './rules.js';

export interface TagsDeps {
  readonly store: Pick<Store, 'getImage' | 'updateImage' | 'getConnector' | 'updateConnector'>;
}

interface Taggable {
  readonly type: ResourceType;
  readonly state: string;
  readonly tags: Tags;
  write(tags: Tags): void;
}

export function createTags({ store }: TagsDeps): TagService {
  function find(who: Principal, arn: string): Taggable {
    const [, , , , , type, name = ''] = arn.split(':');
    if (type === 'microvm-image') {
      const image = store.getImage(arn);
      if (image?.accountId === who.accountId) {
        return { type, state: image.state, tags: image.tags, write: (tags) => store.updateImage(arn, { tags }) };
      }
    }
    if (type === 'network-connector') {
      const connector = store.getConnector(name);
      if (connector?.accountId === who.accountId && connector.arn === arn) {
        return { type, state: connector.state, tags: connector.tags, write: (tags) => store.updateConnector(connector.id, { tags }) };
      }
    }
    // Functions, layers and the like are taggable on AWS and do not exist here.
    throw new NotFoundError(`Resource not found: ${arn}`, type === 'network-connector' ? type : 'microvm-image', arn);
  }

  /** Unknown: tag-while-deleting */
  function change(who: Principal, arn: string, next: (tags: Tags) => Tags): void {
    const resource = find(who, arn);
    if (resource.state === 'DELETING') throw new ConflictError(`${arn} is being deleted: its tags cannot be changed`, resource.type, arn);
    const tags = next(resource.tags);
    checkTags(tags, 'Tags');
    resource.write(tags);
  }

  return {
    list: (who, arn) => find(who, arn).tags,
    add: (who, arn, tags) => change(who, arn, (before) => ({ ...before, ...tags })),
    remove: (who, arn, keys) => change(who, arn, (before) => Object.fromEntries(Object.entries(before).filter(([key]) => !keys.includes(key)))),
  };
}
