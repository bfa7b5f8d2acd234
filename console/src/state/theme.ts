/** Light or dark: the system's, until the user says otherwise. */
export type Theme = 'system' | 'light' | 'dark';

const STORED = 'tardigrade-theme';
const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };

export function storedTheme(): Theme {
  const value = localStorage.getItem(STORED);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') {
    localStorage.removeItem(STORED);
    delete document.documentElement.dataset['theme'];
  } else {
    localStorage.setItem(STORED, theme);
    document.documentElement.dataset['theme'] = theme;
  }
}

export function nextTheme(theme: Theme): Theme {
  return NEXT[theme];
}
