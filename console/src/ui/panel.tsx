import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { ApiError } from '../api/client.js';

interface PanelProps {
  readonly title: string;
  /** Beside the title: what can be done here. */
  readonly actions?: ComponentChildren;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}

export function Panel({ title, actions, wide, children }: PanelProps) {
  const id = useId();
  return (
    <section class={wide === true ? 'panel wide' : 'panel'} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

interface PageHeadProps {
  readonly title: string;
  /** Before the title: where this page is. */
  readonly trail?: ComponentChildren;
  /** Beside the title, e.g. its state. */
  readonly badge?: ComponentChildren;
  readonly actions?: ComponentChildren;
  /** The title is an id, a name or the like. */
  readonly code?: boolean;
}

/** Takes the focus when its page is come to, so that keyboards and screen readers start there. */
export function PageHead({ title, trail, badge, actions, code }: PageHeadProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Tardigrade`;
    heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <header class="page-head">
      {trail !== undefined && <p class="trail">{trail}</p>}
      <div class="page-title">
        <h1 ref={heading} tabIndex={-1} class={code === true ? 'code' : undefined}>{title}</h1>
        {badge}
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
    </header>
  );
}

/** Why something cannot be shown, in the service's own words. */
export function Failure({ error }: { readonly error: ApiError | undefined }) {
  return error === undefined ? null : <p class="failure" role="alert"><strong>{error.type}</strong> {error.message}</p>;
}

export function Loading() {
  return <p class="quiet" role="status">Loading…</p>;
}

/** Names and their values. */
export function Facts({ of }: { readonly of: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  const known = of.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return <dl class="facts">{known.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}
