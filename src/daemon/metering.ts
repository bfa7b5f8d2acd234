/** The usage layer, put together. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import { microvmsDir } from '../microvms/machine.js';
import type { Store } from '../store/contracts.js';
import type { UsageMeter, UsageReports, UsageSamples } from '../usage/contracts.js';
import { bytesOnDisk } from '../files/bytes-on-disk.js';
import { createMeter } from '../usage/meter.js';
import { loadPrices } from '../usage/prices.js';
import { probeProcess } from '../usage/probe.js';
import { createReports } from '../usage/reports.js';
import { SAMPLE_SECONDS, type Samples } from '../usage/samples.js';

export interface Metering {
  readonly meter: UsageMeter;
  readonly reports: UsageReports;
  readonly samples: UsageSamples;
  /** Writes what is counted; MicroVMs that run on are counted on by the next daemon. */
  close(): Promise<void>;
}

export interface MeteringParts {
  readonly config: Pick<Config, 'dataDir' | 'pricesFile'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly samples: Samples;
  readonly logger: Logger;
}

/** To be started before MicroVMs are taken up, ended after them. Throws OperatorError for a bad file of prices. */
export async function startMetering({ config, store, clock, samples, logger }: MeteringParts): Promise<Metering> {
  const prices = await loadPrices(config.pricesFile);
  const meter = createMeter({ store, clock, probe: probeProcess, samples, bytesOnDisk: (id) => bytesOnDisk(join(microvmsDir(config.dataDir), id)), logger });
  meter.start();
  return {
    meter,
    reports: createReports({ store, clock, prices, refresh: () => meter.refresh() }),
    samples: { intervalSeconds: SAMPLE_SECONDS, of: (id, since) => samples.of(id, since), latest: (vm) => ({ ...samples.latest(vm.id), ...meter.sizeAndTime(vm) }) },
    close: () => meter.close(),
  };
}
