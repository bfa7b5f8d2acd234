/** The web console as the API's listener sees it: files, sessions, and requests that are served as if a key had signed them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AccessKey } from '../keys/key-ring.js';

export type ApiService = 'lambda' | 'logs' | 's3';

/**
 * Serves the exchange as that service does for a request signed with that key: the same operations, rates, policies and
 * errors. The request's URL has lost the console's prefix by then.
 */
export type ServeAs = (key: AccessKey, service: ApiService) => Promise<void>;

export interface ConsoleSite {
  /** Is the unsigned request the console's? */
  owns(request: IncomingMessage): boolean;
  serve(request: IncomingMessage, response: ServerResponse, serveAs: ServeAs): Promise<void>;
  /** Takes the connection over, or answers and ends it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Where the console is on the API's listener. */
export const CONSOLE_PATH = '/console';
