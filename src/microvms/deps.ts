import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import type { ConnectorCatalog } from '../connectors/contracts.js';
import type { Engine, Vm } from '../engine/contracts.js';
import type { GuestAgent } from '../guest/contracts.js';
import type { CallHook } from '../hooks/contracts.js';
import type { ImageCatalog } from '../images/contracts.js';
import type { AppLog } from '../logs/contracts.js';
import type { Metrics } from '../metrics/contracts.js';
import type { LinkPool } from '../network/contracts.js';
import type { AccountQuotas } from '../quotas/contracts.js';
import type { Store } from '../store/contracts.js';
import type { UsageMeter } from '../usage/contracts.js';
import type { Vault } from '../vault/contracts.js';
import type { Turns } from './turns.js';

/** Named moments of a MicroVM's life, in order; the fault tests end the daemon or the VMM at each. */
export const MICROVM_STEPS = [
  'run-recorded', 'run-linked', 'run-launched', 'run-awake', 'run-hook-answered', 'running-recorded',
  'suspending-recorded', 'suspend-hook-answered', 'suspended-recorded', 'suspend-link-released',
  'resume-linked', 'resume-launched', 'resume-awake', 'resume-hook-answered', 'resumed-recorded',
  'terminating-recorded', 'terminate-hook-answered', 'terminate-released', 'terminate-folder-removed',
] as const;
export type MicrovmStep = (typeof MICROVM_STEPS)[number];

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
  readonly metrics: Metrics;
  /** Told of each step as it is reached, with the MicroVM's id; the step goes on when it resolves. Default: nobody. */
  readonly observe?: (step: MicrovmStep, id: string) => void | Promise<void>;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  /** How many are launched at once. Default: all. */
  readonly launching?: Turns;
  /** Default: nobody counts what they use. */
  readonly usage?: UsageMeter;
  /** Default: MicroVMs' folders are not encrypted. */
  readonly vault?: Vault;
  /** Default: no quotas. */
  readonly quotas?: Pick<AccountQuotas, 'admitMicrovm'>;
  /** ms with fraction from any moment on, never back; for durations within this daemon. Default: node's. */
  readonly stopwatch?: () => number;
  /** Random UUIDs for ids and endpoints. Default: node's. */
  readonly uuid?: () => string;
}
