import { useState } from 'preact/hooks';
import type { SessionInfo } from '../api/client.js';
import { useLive } from '../state/live.js';
import { usePath } from '../state/router.js';
import { applyTheme, nextTheme, storedTheme, type Theme } from '../state/theme.js';
import { Link } from './link.js';

const SECTIONS = [['/microvms', 'MicroVMs'], ['/images', 'Images'], ['/connectors', 'Connectors'], ['/cost', 'Cost']] as const;

export function Header({ session, signOut }: { readonly session: SessionInfo; readonly signOut: () => void }) {
  const path = usePath();
  const live = useLive();
  return (
    <header class="top">
      <Link to="/microvms" class="brand"><Mark /> Tardigrade</Link>
      <nav aria-label="Sections">
        {SECTIONS.map(([to, name]) => <Link key={to} to={to} current={path.startsWith(to) || (to === '/microvms' && path === '/')}>{name}</Link>)}
      </nav>
      <div class="account">
        <span class={live ? 'live on' : 'live'} title={live ? 'Changes are shown as they happen' : 'Asked again every few seconds'}>{live ? 'live' : 'polling'}</span>
        <span class="who" title={`Access key ${session.accessKeyId}`}><span class="code">{session.accountId}</span> {session.region}</span>
        <ThemeButton />
        <button type="button" class="small" onClick={signOut}>Sign out</button>
      </div>
    </header>
  );
}

const THEME_NAMES: Readonly<Record<Theme, string>> = { system: 'Auto', light: 'Light', dark: 'Dark' };

export function ThemeButton() {
  const [theme, setTheme] = useState(storedTheme);
  const toggle = (): void => {
    const next = nextTheme(theme);
    applyTheme(next);
    setTheme(next);
  };
  return <button type="button" class="small" aria-label={`Colour scheme: ${THEME_NAMES[theme]}`} onClick={toggle}>{THEME_NAMES[theme]}</button>;
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="mark-body" d="M4 19c0-7 5-10.5 12-10.5S28 12 28 19c0 2-1.2 3-3 3H7c-1.8 0-3-1-3-3z" />
      <path class="mark-legs" d="M8 22v4m5.3-4v4m5.4-4v4m5.3-4v4" />
      <path class="mark-lines" d="M11.5 10c-1.2 3-1.2 9 0 12m4.5-13.5V22m4.5-12c1.2 3 1.2 9 0 12" />
    </svg>
  );
}
