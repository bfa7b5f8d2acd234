/** A log stream from its start on, and further lines as they come. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client.js';
import { findStream, getLogEvents, type LogEvent, type LogPlace } from '../api/logs.js';

interface LogViewProps {
  readonly label: string;
  readonly group: string;
  /** The first that is there. */
  readonly streams: readonly string[];
  /** May more lines come? */
  readonly live: boolean;
}

const POLL_MS = 800;
const QUIET_MS = 10_000;
/** ms from a burst of lines to asking again while it lasts. */
const SOON_MS = 50;
/** More would make the page slow; the log itself has them all. */
const LINES_KEPT = 5_000;

export function LogView({ label, group, streams, live }: LogViewProps) {
  const [lines, setLines] = useState<readonly LogEvent[]>([]);
  const [error, setError] = useState<ApiError>();
  const box = useRef<HTMLPreElement>(null);
  const following = useRef(true);
  const stillLive = useRef(live);
  stillLive.current = live;

  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let place: LogPlace | undefined;
    let token: string | undefined;
    setLines([]);
    setError(undefined);

    const read = async (): Promise<void> => {
      place ??= await findStream(group, streams, signal);
      let more = false;
      if (place !== undefined) {
        const page = await getLogEvents(place, token, signal);
        more = page.nextForwardToken !== token;
        token = page.nextForwardToken;
        if (page.events.length > 0) setLines((before) => [...before, ...page.events].slice(-LINES_KEPT));
      }
      timer = setTimeout(next, more ? SOON_MS : stillLive.current ? POLL_MS : QUIET_MS);
    };
    const next = (): void => {
      read().catch((failure: unknown) => {
        if (signal.aborted) return;
        if (!(failure instanceof ApiError)) throw failure;
        setError(failure);
        timer = setTimeout(next, QUIET_MS);
      });
    };
    next();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [group, streams.join('\n')]);

  useEffect(() => {
    const element = box.current;
    if (element !== null && following.current) element.scrollTop = element.scrollHeight;
  }, [lines]);

  const scrolled = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }: { currentTarget: HTMLElement }): void => {
    following.current = scrollHeight - scrollTop - clientHeight < 24;
  };
  if (error !== undefined && lines.length === 0) return <p class="failure" role="alert"><strong>{error.type}</strong> {error.message}</p>;
  // Scrolled by keyboard too, so it takes the focus.
  return (
    <pre ref={box} class="log" role="log" aria-label={label} tabIndex={0} onScroll={scrolled}>
      {lines.length === 0 && <span class="quiet">{live ? 'No line yet…' : 'No lines.'}</span>}
      {lines.map(({ timestamp, message }, i) => <Line key={i} timestamp={timestamp} message={message} />)}
    </pre>
  );
}

function Line({ timestamp, message }: LogEvent) {
  // Builds name who speaks: [docker] …
  const [, source, rest = message] = /^\[([\w:.-]{1,24})\] (.*)$/s.exec(message) ?? [];
  return (
    <span class="log-line">
      <time>{new Date(timestamp).toISOString().slice(11, 23)}</time>
      {source !== undefined && <span class="log-source">{source}</span>}
      <span class="log-text">{rest}{'\n'}</span>
    </span>
  );
}
