import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import type { ConnectorCatalog } from '../connectors/contracts.js';
import type { Engine, Vm } from '../engine/contracts.js';
import type { GuestAgent } from '../guest/contracts.js';
import type { CallHook } from '../hooks/contracts.js';
import type { ImageCatalog } from '../images/contracts.js';
import type { AppLog } from '../logs/contracts.js';
import type { LinkPool } from '../network/contracts.js';
import type { AccountQuotas } from '../quotas/contracts.js';
import type { Store } from '../store/contracts.js';
import type { UsageMeter } from '../usage/contracts.js';

export interface MicrovmDeps {
  readonly store: Store;
  readonly catalog: ImageCatalog;
  readonly connectors: ConnectorCatalog;
  readonly engine: Engine;
  readonly links: LinkPool;
  readonly agentFor: (vm: Vm) => GuestAgent;
  readonly callHook: CallHook;
  readonly log: AppLog;
  /** Each MicroVM has the folder `<dataDir>/microvms/<id>/`. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly config: Pick<Config, 'region'>;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  /** Default: nobody counts what they use. */
  readonly usage?: UsageMeter;
  /** Default: no quotas. */
  readonly quotas?: Pick<AccountQuotas, 'admitMicrovm'>;
  /** Random UUIDs for ids and endpoints. Default: node's. */
  readonly uuid?: () => string;
}
