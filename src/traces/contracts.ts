/** Traces in OpenTelemetry's sense, where the operator has a collector (docs/tracing.md). */

export interface SpanContext {
  readonly traceId: string; // 32 hex digits
  readonly spanId: string; // 16 hex digits
  /** Whoever began the trace wants it recorded. */
  readonly sampled: boolean;
}

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface FinishedSpan {
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly name: string;
  readonly kind: 'internal' | 'server';
  /** ms since 1970, with fraction. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  /** Absent: all went well. */
  readonly error?: string | undefined;
}

export interface RequestTrace {
  readonly context: SpanContext;
  end(name: string, attributes: Attributes, error?: string): void;
}

/** Every method is cheap and never throws. */
export interface Tracer {
  /**
   * A request came, `traceparent` as its header has it (W3C Trace Context). All that is begun while `serve` runs, or later
   * by what it began, is part of its trace.
   */
  request<T>(traceparent: string | undefined, serve: (trace: RequestTrace) => T): T;
  /** Of the request that what runs now is part of. */
  current(): SpanContext | undefined;
  /** A new span under `parent`, or the beginning of a trace. */
  child(parent: SpanContext | undefined): SpanContext;
  record(span: FinishedSpan): void;
}
