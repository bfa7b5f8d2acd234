/** Spans on one timeline, a row each: launches by phase, builds by step. */
import { milliseconds } from '../format.js';

export interface Span {
  readonly name: string;
  /** ms from the beginning of the timeline */
  readonly startMs: number;
  readonly durationMs: number;
  readonly tone?: 'busy' | 'bad';
}

interface WaterfallProps {
  readonly label: string;
  readonly spans: readonly Span[];
  readonly totalMs: number;
}

/** Per cent: what is shorter could not be seen. */
const SHORTEST = 0.4;

export function Waterfall({ label, spans, totalMs }: WaterfallProps) {
  const whole = Math.max(totalMs, ...spans.map(({ startMs, durationMs }) => startMs + durationMs), 0.1);
  return (
    <ol class="waterfall" aria-label={label}>
      {spans.map(({ name, startMs, durationMs, tone }, i) => {
        const width = Math.max(SHORTEST, (durationMs / whole) * 100);
        const left = Math.min((startMs / whole) * 100, 100 - width);
        return (
          <li key={`${i} ${name}`}>
            <span class="span-name">{name}</span>
            <span class="track" aria-hidden="true"><span class={`bar hue-${i % 5} ${tone ?? ''}`} style={{ left: `${left}%`, width: `${width}%` }} /></span>
            <span class="span-time">{milliseconds(durationMs)}</span>
          </li>
        );
      })}
    </ol>
  );
}
