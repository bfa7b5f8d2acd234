/** What a page shows of the server: loaded, loaded again when it changes, kept on the screen meanwhile. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client.js';
import { onChange, pollMs, type Topic } from './live.js';

export interface Query<T> {
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  readonly refresh: () => void;
}

interface Loaded<T> {
  readonly key: string | undefined;
  readonly data?: T | undefined;
  readonly error?: ApiError | undefined;
}

export interface QueryOptions {
  /** Of which events it is asked again. */
  readonly topic?: Topic;
  /** ms; default: as the event stream allows. */
  readonly everyMs?: number;
}

/** Nothing is loaded while `key` is undefined; another key is another thing. */
export function useQuery<T>(key: string | undefined, load: (signal: AbortSignal) => Promise<T>, { topic, everyMs }: QueryOptions = {}): Query<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ key });
  const latest = useRef(load);
  latest.current = load;
  const again = useRef<() => void>(() => undefined);

  useEffect(() => {
    if (key === undefined) return undefined;
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    /** How often it was asked for since the last answer. */
    let asked = 0;

    const once = async (): Promise<void> => {
      try {
        const data = await latest.current(ended.signal);
        if (!ended.signal.aborted) setLoaded({ key, data });
      } catch (error) {
        if (ended.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        setLoaded((before) => ({ key, data: before.key === key ? before.data : undefined, error }));
      }
    };
    const run = async (): Promise<void> => {
      asked += 1;
      if (asked > 1) return;
      clearTimeout(timer);
      // What was asked for meanwhile may be newer than the answer.
      for (let answered = 0; answered < asked && !ended.signal.aborted; ) {
        answered = asked;
        await once();
      }
      asked = 0;
      if (!ended.signal.aborted) timer = setTimeout(tick, everyMs ?? pollMs());
    };
    const start = (): void => {
      run().catch(reportError);
    };
    /** Nobody looks at a hidden page; it is asked again once it is seen. */
    const tick = (): void => {
      if (!document.hidden) start();
    };
    again.current = start;
    const forget = topic === undefined ? undefined : onChange(topic, tick);
    document.addEventListener('visibilitychange', tick);
    start();
    return () => {
      ended.abort();
      clearTimeout(timer);
      forget?.();
      document.removeEventListener('visibilitychange', tick);
    };
  }, [key, topic, everyMs]);

  const refresh = useCallback(() => again.current(), []);
  const current = loaded.key === key ? loaded : undefined;
  return { data: current?.data, error: current?.error, refresh };
}

/** Seconds since 1970, anew every `ms` while something on the page counts. */
export function useNow(ms = 1000): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}
