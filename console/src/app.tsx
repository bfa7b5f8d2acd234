import { useEffect, useState } from 'preact/hooks';
import { ApiError, useSession, type SessionInfo } from './api/client.js';
import { currentSession, signOut } from './api/session.js';
import { Routes } from './routes.js';
import { startLive, stopLive } from './state/live.js';
import { attempt, say } from './state/notices.js';
import { Header } from './ui/header.js';
import { Notices } from './ui/notices.js';
import { Loading } from './ui/panel.js';
import { LoginPage } from './pages/login.js';

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
