import type { ComponentChildren } from 'preact';
import { BASE, navigate } from '../state/router.js';

interface LinkProps {
  readonly to: string;
  readonly class?: string;
  readonly current?: boolean;
  readonly children: ComponentChildren;
}

/** A link within the console; modified clicks open it as links do. */
export function Link({ to, class: className, current, children }: LinkProps) {
  const follow = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={`${BASE}${to}`} class={className} aria-current={current === true ? 'page' : undefined} onClick={follow}>{children}</a>;
}
