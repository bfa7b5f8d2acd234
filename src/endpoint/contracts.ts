/** What clients of the endpoint need to know of it. */

/**
 * WebSocket subprotocol of our extension of the shell (docs/shell.md): commands and copies beside shells, stderr apart,
 * exit status. A client that does not offer it gets AWS's framing and nothing else.
 */
export const SESSION_PROTOCOL = 'tardigrade.session.v1';

/** First byte of a binary message from the server under {@link SESSION_PROTOCOL}: the stream the rest is of. */
export const SESSION_CHANNEL = { stdout: 1, stderr: 2 } as const;
