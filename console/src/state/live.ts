/**
 * What happens on the server, as it happens: the account's event stream. Whoever shows something asks again when told.
 * Where the stream cannot be had (the key may not read it, a proxy holds it back) they are told every few seconds.
 */
import { useEffect, useState } from 'preact/hooks';

/** `microvms`, `images`, or the id or ARN of one of them. */
export type Topic = string;

interface EventDetail {
  readonly microvmId?: string;
  readonly imageArn?: string;
}

/** As `event:` names them. */
const KINDS = ['MicroVM State Change', 'MicroVM Image State Change', 'MicroVM Image Build Step'] as const;
const URL = '/console/api/tardigrade/v1/events';
const RETRY_MS = 30_000;
/** How often what is shown is asked for again: without the stream, and with it, for what has no events. */
const POLL_MS = 3_000;
const REFRESH_MS = 20_000;

const interested = new Map<Topic, Set<() => void>>();
const watchers = new Set<(open: boolean) => void>();
let source: EventSource | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;
let open = false;

function setOpen(value: boolean): void {
  if (open === value) return;
  open = value;
  for (const watcher of watchers) watcher(value);
}

export function startLive(): void {
  stopLive();
  source = new EventSource(URL);
  source.onopen = () => {
    setOpen(true);
    // What happened before it was open was not told.
    for (const topic of interested.keys()) tell(topic);
  };
  source.onerror = () => {
    setOpen(false);
    // The browser connects again by itself, unless the answer was an error.
    if (source?.readyState === EventSource.CLOSED) retry = setTimeout(startLive, RETRY_MS);
  };
  for (const kind of KINDS) source.addEventListener(kind, ({ data }: MessageEvent<string>) => heard(data));
}

export function stopLive(): void {
  clearTimeout(retry);
  source?.close();
  source = undefined;
  setOpen(false);
}

function heard(data: string): void {
  const { detail } = JSON.parse(data) as { detail: EventDetail };
  const { microvmId, imageArn } = detail;
  if (microvmId === undefined) tell('images');
  else {
    tell('microvms');
    tell(microvmId);
  }
  if (imageArn !== undefined) tell(imageArn);
}

function tell(topic: Topic): void {
  for (const listener of interested.get(topic) ?? []) listener();
}

export function onChange(topic: Topic, listener: () => void): () => void {
  const listeners = interested.get(topic) ?? new Set();
  interested.set(topic, listeners.add(listener));
  return () => {
    listeners.delete(listener);
  };
}

export function pollMs(): number {
  return open ? REFRESH_MS : POLL_MS;
}

export function useLive(): boolean {
  const [state, setState] = useState(open);
  useEffect(() => {
    watchers.add(setState);
    setState(open);
    return () => {
      watchers.delete(setState);
    };
  }, []);
  return state;
}
