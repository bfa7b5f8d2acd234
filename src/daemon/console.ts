/** The web console on the API's listener, and its way to the endpoint's shells. */
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { ConsoleSite } from '../console/contracts.js';
import { loadSite } from '../console/files.js';
import { createConsole, type OpenTerminal } from '../console/site.js';
import { REFUSAL } from '../endpoint/refusals.js';
import { refuse } from '../endpoint/respond.js';
import { createShellServer } from '../endpoint/shell/server.js';
import { parseSubprotocols } from '../endpoint/subprotocols.js';
import type { TokenService } from '../endpoint/tokens.js';
import { responseOn } from '../endpoint/upgrade.js';
import { messageOf } from '../errors/index.js';
import type { FindKey } from '../keys/key-ring.js';
import type { MicrovmGateway } from '../microvms/contracts.js';

/** Beside the compiled program, and the same seen from its sources. */
const SITE = fileURLToPath(new URL('../../dist/console-site', import.meta.url));

export interface ConsoleParts {
  readonly region: string;
  readonly findKey: FindKey;
  readonly tokens: Pick<TokenService, 'verify'>;
  readonly gateway: MicrovmGateway;
  /** ms since 1970 */
  readonly now: () => number;
  readonly log: Logger;
}

export async function openConsole({ tokens, gateway, ...parts }: ConsoleParts): Promise<ConsoleSite> {
  return createConsole({ ...parts, files: await loadSite(SITE), openTerminal: terminalOpener(tokens, gateway, parts.log) });
}

/**
 * As at the endpoint, with a token the page has minted by CreateMicrovmShellAuthToken: so the operation's own checks say
 * who may open a shell. The token is in a subprotocol, as browsers set no headers there and URLs get around.
 */
export function terminalOpener(tokens: Pick<TokenService, 'verify'>, gateway: Parameters<typeof createShellServer>[0]['gateway'], log: Logger): OpenTerminal {
  const openShell = createShellServer({ gateway, log });
  return (request, socket, head, microvmId) => {
    const { token } = parseSubprotocols(request.headers['sec-websocket-protocol']);
    const open = async (): Promise<void> => {
      const verification = token === undefined ? undefined : await tokens.verify(token);
      if (socket.destroyed) return;
      const allowed = verification?.kind === 'valid' && verification.claims.kind === 'shell' && verification.claims.microvmId === microvmId;
      if (allowed) openShell(request, socket, head, microvmId, (refusal) => refuse(responseOn(request), refusal));
      else refuse(responseOn(request), token === undefined ? REFUSAL.missingToken : REFUSAL.wrongToken);
    };
    open().catch((error: unknown) => {
      log.error({ detail: messageOf(error) }, 'console: a shell failed');
      socket.destroy();
    });
  };
}
