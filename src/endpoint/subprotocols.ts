/** WebSocket subprotocols that carry the endpoint's own controls, for clients that can set no headers (spec §5.3). */

export interface Subprotocols {
  /** The marker `lambda-microvms` was offered; without it the others mean nothing. */
  readonly marked: boolean;
  readonly token: string | undefined;
  readonly port: string | undefined;
  /** What the application gets to see, in the client's order. */
  readonly others: readonly string[];
}

export const MARKER = 'lambda-microvms';
const TOKEN_PREFIX = `${MARKER}.authentication.`;
const PORT_PREFIX = `${MARKER}.port.`;

/** @param header value of `Sec-WebSocket-Protocol`, several fields joined by commas */
export function parseSubprotocols(header: string | undefined): Subprotocols {
  const offered = (header ?? '').split(',').map((part) => part.trim()).filter((part) => part !== '');
  const after = (prefix: string): string | undefined => offered.find((part) => part.startsWith(prefix))?.slice(prefix.length);
  const marked = offered.includes(MARKER);
  return {
    marked,
    token: marked ? after(TOKEN_PREFIX) : undefined,
    port: marked ? after(PORT_PREFIX) : undefined,
    others: offered.filter((part) => part !== MARKER && !part.startsWith(TOKEN_PREFIX) && !part.startsWith(PORT_PREFIX)),
  };
}
