/** Shapes of the tag operations (spec §1.2). */
import { text } from './primitives.js';

/** Whole string: `TaggableResource` of the model. */
export const taggableResource = text({
  min: 1,
  max: 10_000,
  pattern:
    'arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:' +
    '(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|' +
    'event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|' +
    '(capacity-provider|network-connector|microvm-image):[a-zA-Z0-9-_]+)',
});
