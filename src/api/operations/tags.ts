/** ListTags, TagResource, UntagResource (spec §2.3): Lambda's older paths, members in PascalCase. */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { list } from '../shapes/primitives.js';
import { tagKey, tags } from '../shapes/structures.js';
import { taggableResource } from '../shapes/tags.js';

const path = '/2017-03-31/tags/{Resource}';

export const listTags = defineOperation({
  name: 'ListTags',
  method: 'GET',
  path,
  status: 200,
  input: z.object({ Resource: taggableResource }),
  run: (call, { Resource }) => ({ Tags: call.tags.list(call.who, Resource) }),
});

export const tagResource = defineOperation({
  name: 'TagResource',
  method: 'POST',
  path,
  status: 204,
  body: true,
  input: z.object({ Resource: taggableResource, Tags: tags }),
  run: (call, { Resource, Tags }) => call.tags.add(call.who, Resource, Tags),
});

export const untagResource = defineOperation({
  name: 'UntagResource',
  method: 'DELETE',
  path,
  status: 204,
  queryLists: ['tagKeys'],
  input: z.object({ Resource: taggableResource, tagKeys: list(tagKey) }),
  run: (call, { Resource, tagKeys }) => call.tags.remove(call.who, Resource, tagKeys),
});
