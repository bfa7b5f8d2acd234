/** OTLP's JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
import type { Attributes, FinishedSpan } from './contracts.js';

const KINDS = { internal: 1, server: 2 } as const;
const STATUS_ERROR = 2;

/** The body of one export. `resource`: what says whose spans they are. */
export function encodeSpans(spans: readonly FinishedSpan[], resource: Attributes): string {
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes: encode(resource) }, scopeSpans: [{ scope: { name: 'tardigrade' }, spans: spans.map(encodeSpan) }] }],
  });
}

function encodeSpan({ context, parent, name, kind, startedAt, endedAt, attributes, error }: FinishedSpan): object {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parent === undefined ? {} : { parentSpanId: parent.spanId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(Math.max(startedAt, endedAt)),
    attributes: encode(attributes),
    status: error === undefined ? {} : { code: STATUS_ERROR, message: error },
  };
}

/** As text: there is no room for them in a double. Microseconds are all that is known. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

function encode(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: valueOf(value) }]));
}

function valueOf(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
