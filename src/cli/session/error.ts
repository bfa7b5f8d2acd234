/** The session could not be had, or was lost. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  constructor(
    /** As the server says, e.g. `start_failed`; `lost` when the connection broke. */
    readonly code: string,
    message: string,
    readonly fix: readonly string[] = [],
  ) {
    super(message);
  }
}

/** As a shell says it: 127 when there is no such program, 255 when the session itself failed, as in ssh. */
export function exitCodeOf(error: SessionError): number {
  return error.code === 'start_failed' ? 127 : 255;
}
