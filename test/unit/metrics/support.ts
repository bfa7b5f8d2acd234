import { ERROR_TYPES } from '../../../src/api/dialect.js';
import { OPERATION_NAMES } from '../../../src/api/operations/index.js';
import type { Metrics, MetricsPage } from '../../../src/metrics/contracts.js';
import { createMetrics } from '../../../src/metrics/registry.js';

/** As the daemon makes it. */
export function daemonMetrics(): Metrics & MetricsPage {
  return createMetrics({
    microvmsByState: () => ({ RUNNING: 2 }),
    vmmTotals: () => ({ memoryBytes: 4096, cpuSeconds: 1.5 }),
    snapshotBytes: () => ({ images: 1024, microvms: 512 }),
    api: { operations: OPERATION_NAMES, errors: ERROR_TYPES },
  });
}

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** As a scraper reads the page. */
export async function scrape(page: MetricsPage): Promise<Series[]> {
  const lines = (await page.render()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', labels = '', value = ''] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return { name, value: Number(value), labels: Object.fromEntries([...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text])) };
  });
}

export const valueOf = (series: readonly Series[], name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
  series.find((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))?.value;
