/** The server's event stream: server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { apiError, sendSigned, type RemoteAccess } from '../../daemon/remote.js';

export interface ServerEvent {
  /** Of the last event, to go on after it. */
  readonly id: string | undefined;
  readonly data: string;
}

/** Until the server ends it or `signal` says so. */
export async function* openEvents(access: RemoteAccess, path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const response = await sendSigned(access, { method: 'GET', path, headers: { accept: 'text/event-stream' } }, signal);
  if (response.statusCode !== 200) throw await apiError(response, `GET ${path}`);
  let rest = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const blocks = (rest + chunk).replaceAll('\r\n', '\n').split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = parseBlock(block);
        if (event !== undefined) yield event;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** undefined: a comment, which keeps the connection alive. */
function parseBlock(block: string): ServerEvent | undefined {
  const data: string[] = [];
  let id: string | undefined;
  for (const line of block.split('\n')) {
    const [, field = '', value = ''] = /^([^:]*): ?(.*)$/s.exec(line) ?? [];
    if (field === 'data') data.push(value);
    else if (field === 'id') id = value;
  }
  return data.length === 0 ? undefined : { id, data: data.join('\n') };
}
