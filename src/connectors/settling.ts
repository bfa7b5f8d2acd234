/**
 * The moment between a request and its effect: PENDING → ACTIVE, InProgress → Successful, DELETING → gone. On AWS it
 * takes minutes, for there are network interfaces to make; here records are all there is.
 */
import type { Clock } from '../clock/index.js';
import type { ConnectorConfiguration, ConnectorRecord, Store } from '../store/contracts.js';
import type { NetworksProblem } from './networks.js';

/** ms. Long enough that a client sees the state it is told to wait out. Unknown: connector-settling */
const SETTLE_MS = 500;

export class Settling {
  readonly #cancels = new Map<string, () => void>();

  constructor(
    private readonly store: Pick<Store, 'getConnector' | 'updateConnector' | 'deleteConnector' | 'isConnectorInUse'>,
    private readonly clock: Clock,
    private readonly problemOf: (configuration: ConnectorConfiguration) => NetworksProblem | undefined,
  ) {}

  /** Settles the connector in a moment. Asked again for the same one, the moment starts anew. */
  start(id: string): void {
    this.#cancels.get(id)?.();
    this.#cancels.set(id, this.clock.after(SETTLE_MS, () => this.settle(id)));
  }

  settle(id: string): void {
    this.#cancels.delete(id);
    const connector = this.store.getConnector(id);
    if (connector === undefined) return;
    if (connector.state === 'DELETING') this.store.deleteConnector(id);
    else this.store.updateConnector(id, { ...this.#settled(connector), lastModified: this.clock.now() });
  }

  /** What is not settled now is at the next start. */
  close(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  #settled({ state, configuration, lastUpdateStatusReasonCode }: ConnectorRecord): Partial<ConnectorRecord> {
    if (state !== 'PENDING') return { lastUpdateStatus: lastUpdateStatusReasonCode === undefined ? 'Successful' : 'Failed' };
    const problem = this.problemOf(configuration);
    if (problem === undefined) return { state: 'ACTIVE', lastUpdateStatus: 'Successful' };
    return { state: 'FAILED', stateReason: problem.reason, stateReasonCode: problem.code, lastUpdateStatus: 'Failed', lastUpdateStatusReason: problem.reason, lastUpdateStatusReasonCode: problem.code };
  }
}
