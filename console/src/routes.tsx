import type { ComponentChild } from 'preact';
import type { SessionInfo } from './api/client.js';
import { match, usePath } from './state/router.js';
import { Link } from './ui/link.js';
import { PageHead } from './ui/panel.js';
import { ConnectorPage } from './pages/connector.js';
import { ConnectorsPage } from './pages/connectors.js';
import { CostPage } from './pages/cost.js';
import { ImagePage } from './pages/image.js';
import { ImagesPage } from './pages/images.js';
import { MicrovmPage } from './pages/microvm.js';
import { MicrovmsPage } from './pages/microvms.js';
import { NewImagePage } from './pages/new-image.js';
import { RunPage } from './pages/run.js';
import { TerminalPage } from './pages/terminal.js';
import { VersionPage } from './pages/version.js';

type Labels = Readonly<Record<string, string>>;

const ROUTES: readonly (readonly [pattern: string, page: (labels: Labels, session: SessionInfo) => ComponentChild])[] = [
  ['', () => <MicrovmsPage />],
  ['/microvms', () => <MicrovmsPage />],
  ['/microvms/:id', ({ id = '' }) => <MicrovmPage key={id} id={id} />],
  ['/microvms/:id/terminal', ({ id = '' }) => <TerminalPage key={id} id={id} />],
  ['/images', () => <ImagesPage />],
  ['/images/new', (_labels, session) => <NewImagePage session={session} />],
  ['/images/:name', ({ name = '' }, session) => <ImagePage key={name} session={session} name={name} />],
  ['/images/:name/run', ({ name = '' }, session) => <RunPage key={name} session={session} name={name} />],
  ['/images/:name/update', ({ name = '' }, session) => <NewImagePage key={name} session={session} name={name} />],
  ['/images/:name/versions/:version', ({ name = '', version = '' }, session) => <VersionPage key={`${name} ${version}`} session={session} name={name} version={version} />],
  ['/connectors', () => <ConnectorsPage />],
  ['/connectors/:id', ({ id = '' }) => <ConnectorPage key={id} id={id} />],
  ['/cost', () => <CostPage />],
];

export function Routes({ session }: { readonly session: SessionInfo }) {
  const path = usePath();
  for (const [pattern, page] of ROUTES) {
    const labels = match(pattern, path);
    if (labels !== undefined) return <>{page(labels, session)}</>;
  }
  return (
    <>
      <PageHead title="No such page" />
      <p>The console has no page <span class="code">{path}</span>. <Link to="/microvms">MicroVMs</Link> · <Link to="/images">Images</Link></p>
    </>
  );
}
