/** Requests of the console: same origin, the session's cookie by itself, its CSRF token on everything that changes something. */

/** An answer that is an error, or none at all (`status` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly status: number,
    /** The service's name for it, e.g. `ConflictException`. */
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

export interface SessionInfo {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly region: string;
  readonly csrfToken: string;
  /** epoch seconds */
  readonly expiresAt: number;
}

let csrfToken = '';
let onSessionEnd: () => void = () => undefined;

export function useSession(info: SessionInfo, ended: () => void): void {
  csrfToken = info.csrfToken;
  onSessionEnd = ended;
}

export function csrfHeader(): Record<string, string> {
  return { 'x-tardigrade-csrf': csrfToken };
}

interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Below /console; answers the JSON, or undefined for none. Throws {@link ApiError}. */
export async function call<T>(path: string, { method = 'GET', body, headers = {}, signal }: Request = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/console${path}`, {
      method,
      headers: { ...(method === 'GET' ? {} : csrfHeader()), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(0, 'Unreachable', 'The service does not answer: is it running, and the network up?');
  }
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  const type = (response.headers.get('x-amzn-errortype') ?? `HTTP ${response.status}`).split(':', 1)[0] ?? '';
  if (response.status === 401 && type === 'SessionEnded') onSessionEnd();
  throw new ApiError(response.status, type, messageIn(text) ?? type);
}

export function messageIn(text: string): string | undefined {
  try {
    const { message, Message } = JSON.parse(text) as { message?: string; Message?: string };
    return message ?? Message;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** All pages of a list, up to `most` of them. */
export async function pages<T, P>(load: (token: string | undefined) => Promise<P>, items: (page: P) => readonly T[], next: (page: P) => string | null | undefined, most = 40): Promise<T[]> {
  const all: T[] = [];
  let token: string | undefined;
  for (let i = 0; i < most; i += 1) {
    const page = await load(token);
    all.push(...items(page));
    token = next(page) ?? undefined;
    if (token === undefined) break;
  }
  return all;
}

export function query(members: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(members).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}
