import { ApiError, call, type SessionInfo } from './client.js';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export async function signIn(credentials: Credentials): Promise<SessionInfo> {
  await call('/session', { method: 'POST', body: credentials });
  const session = await currentSession();
  if (session === undefined) throw new ApiError(401, 'NoCookie', 'The browser did not keep the session: it must allow cookies of this site');
  return session;
}

/** undefined: nobody is signed in. */
export const currentSession = (): Promise<SessionInfo | undefined> => call('/session');

export const signOut = (): Promise<void> => call('/session', { method: 'DELETE' });
