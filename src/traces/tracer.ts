import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock/index.js';
import type { FinishedSpan, SpanContext, Tracer } from './contracts.js';
import { parseTraceparent } from './traceparent.js';

export interface TracerDeps {
  readonly clock: Pick<Clock, 'now'>;
  /** Takes a span that is over and recorded. */
  readonly export: (span: FinishedSpan) => void;
}

export function createTracer({ clock, export: send }: TracerDeps): Tracer {
  const active = new AsyncLocalStorage<SpanContext>();

  const child: Tracer['child'] = (parent) => ({
    traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    sampled: parent?.sampled ?? true,
  });
  const record: Tracer['record'] = (span) => {
    if (span.context.sampled) send(span);
  };

  return {
    child,
    record,
    current: () => active.getStore(),
    request(traceparent, serve) {
      const parent = parseTraceparent(traceparent);
      const context = child(parent);
      const startedAt = clock.now();
      const began = performance.now();
      return active.run(context, () => serve({
        context,
        end(name, attributes, error) {
          record({ context, parent, name, kind: 'server', startedAt, endedAt: startedAt + performance.now() - began, attributes, error });
        },
      }));
    },
  };
}
