import { useEffect, useState } from 'preact/hooks';
import { ApiError, useSession, type SessionInfo } from './api/client';
import { currentSession, signOut } from './api/session';
import { Routes } from './routes';
import { startLive, stopLive } from './state/live';
import { attempt, say } from './state/notices';
import { Header } from './ui/header';
import { Notices } from './ui/notices';
import { Loading } from './ui/panel';
import { LoginPage } from './pages/login';

type Access = { readonly kind: 'unknown' } | { readonly kind: 'signed-out' } | { readonly kind: 'signed-in'; readonly session: SessionInfo };

export function App() {
  const [access, setAccess] = useState<Access>({ kind: 'unknown' });

  const leave = (): void => {
    stopLive();
    setAccess({ kind: 'signed-out' });
  };
  const enter = (session: SessionInfo): void => {
    useSession(session, () => {
      leave();
      say('bad', 'The session has ended: sign in again');
    });
    startLive();
    setAccess({ kind: 'signed-in', session });
  };

  useEffect(() => {
    currentSession().then(
      (session) => (session === undefined ? leave() : enter(session)),
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        say('bad', error.message);
        leave();
      },
    );
  }, []);

  return (
    <>
      {access.kind === 'unknown' && <main class="page"><Loading /></main>}
      {access.kind === 'signed-out' && <LoginPage signedIn={enter} />}
      {access.kind === 'signed-in' && (
        <>
          <a class="skip" href="#main">Skip to content</a>
          <Header session={access.session} signOut={() => void attempt(signOut).then(leave)} />
          <main id="main" class="page" tabIndex={-1}><Routes session={access.session} /></main>
        </>
      )}
      <Notices />
    </>
  );
}
