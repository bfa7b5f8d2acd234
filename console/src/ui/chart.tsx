/** One figure over time: a line over its area. */
import { useState } from 'preact/hooks';
import { timeOfDay } from '../format.js';

interface Point {
  /** epoch seconds */
  readonly at: number;
  readonly value: number;
}

interface ChartProps {
  readonly title: string;
  readonly points: readonly Point[];
  readonly format: (value: number) => string;
  /** Drawn as a line across: what the MicroVM was promised. */
  readonly baseline?: number;
}

/** Units of the drawing, which is stretched to the width there is. */
const WIDTH = 600;
const HEIGHT = 100;

export function Chart({ title, points, format, baseline = 0 }: ChartProps) {
  const [hovered, setHovered] = useState<number>();
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const highest = Math.max(...points.map(({ value }) => value));
  const top = Math.max(highest, baseline) * 1.1 || 1;
  const x = (at: number): number => ((at - first.at) / Math.max(1, last.at - first.at)) * WIDTH;
  const y = (value: number): number => HEIGHT - (value / top) * HEIGHT;
  const line = points.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const shown = hovered === undefined ? last : (points[hovered] ?? last);

  const hover = (event: PointerEvent & { readonly currentTarget: SVGSVGElement }): void => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const at = first.at + ((event.clientX - left) / width) * (last.at - first.at);
    setHovered(points.reduce((best, { at: candidate }, i) => (Math.abs(candidate - at) < Math.abs((points[best]?.at ?? 0) - at) ? i : best), 0));
  };

  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <span><strong>{format(shown.value)}</strong> {hovered === undefined ? 'now' : `at ${timeOfDay(shown.at)}`} · highest {format(highest)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${title}: now ${format(last.value)}, highest ${format(highest)}`} onPointerMove={hover} onPointerLeave={() => setHovered(undefined)}>
        <polygon class="area" points={`0,${HEIGHT} ${line} ${x(last.at).toFixed(1)},${HEIGHT}`} />
        {baseline > 0 && <line class="baseline" x1="0" x2={WIDTH} y1={y(baseline)} y2={y(baseline)} />}
        <polyline class="line" points={line} />
        {hovered !== undefined && <line class="cursor" x1={x(shown.at)} x2={x(shown.at)} y1="0" y2={HEIGHT} />}
      </svg>
      <div class="axis" aria-hidden="true"><span>{timeOfDay(first.at)}</span>{baseline > 0 && <span>dashed: baseline {format(baseline)}</span>}<span>{timeOfDay(last.at)}</span></div>
    </figure>
  );
}
