/** Metrics by prom-client: a registry of its own, so that two daemons in one process do not mix. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MicrovmState } from '../store/contracts.js';
import { apiMetrics, type ApiNames } from './api-metrics.js';
import { ASSUME_ROLE_OUTCOMES, AUDIT_OUTCOMES, EVENT_TYPES, FAULT_KINDS, LAUNCH_KINDS, LAUNCH_PHASES, STEPS, WEBHOOK_OUTCOMES, type Metrics, type MetricsPage } from './contracts.js';
import { proxyMetrics } from './proxy-metrics.js';

export interface MetricsOptions {
  /** How many MicroVMs are in each state now; asked at each scrape. States it does not name have none. */
  readonly microvmsByState: () => Readonly<Partial<Record<MicrovmState, number>>>;
  /** Of all MicroVMs' VMMs: memory of their own now, CPU time since this daemon began. */
  readonly vmmTotals?: () => { readonly memoryBytes: number; readonly cpuSeconds: number };
  /** Snapshots of image versions, and what suspended MicroVMs keep on disk. */
  readonly snapshotBytes?: () => { readonly images: number; readonly microvms: number };
  /** Default: all count as `other`. */
  readonly api?: ApiNames;
}

const STATES: readonly MicrovmState[] = ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING', 'TERMINATED'];
/** Seconds: a resume takes tenths, a build minutes. */
const STEP_BUCKETS = [0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800];
/** Seconds: a phase may take a millisecond, and a queue minutes. */
const PHASE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Pages of 4 KiB: 1 MiB to 32 GiB, the largest guest. */
const PAGE_BUCKETS = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 8_388_608];

export function createMetrics(options: MetricsOptions): Metrics & MetricsPage {
  const registry = new Registry();
  const registers = [registry];
  const faults = new Counter({ name: 'tardigrade_microvm_faults_total', help: 'What went wrong with MicroVMs, by kind.', labelNames: ['kind'], registers });
  const transitions = new Counter({ name: 'tardigrade_microvm_transitions_total', help: 'States that MicroVMs have entered.', labelNames: ['to'], registers });
  const steps = new Histogram({ name: 'tardigrade_step_seconds', help: 'Duration of the steps of MicroVMs and builds.', labelNames: ['step'], buckets: STEP_BUCKETS, registers });
  const phases = new Histogram({ name: 'tardigrade_launch_phase_seconds', help: 'Duration of the phases of launches (run) and resumes that succeeded.', labelNames: ['kind', 'phase'], buckets: PHASE_BUCKETS, registers });
  const dirtyPages = new Histogram({ name: 'tardigrade_suspend_dirty_pages', help: 'Pages of 4 KiB that a suspend wrote.', buckets: PAGE_BUCKETS, registers });
  const suspendBytes = new Counter({ name: 'tardigrade_suspend_bytes_total', help: 'Bytes of memory and device state that suspends wrote.', registers });
  const storeFailures = new Counter({ name: 'tardigrade_store_write_failures_total', help: 'Records that could not be written.', registers });
  const clockSteps = new Counter({ name: 'tardigrade_clock_steps_total', help: 'Jumps of the wall clock that were noticed.', registers });
  const assumedRoles = new Counter({ name: 'tardigrade_assume_role_total', help: 'Calls of AssumeRole for execution roles, by outcome.', labelNames: ['outcome'], registers });
  const events = new Counter({ name: 'tardigrade_events_total', help: 'Events recorded, by type.', labelNames: ['type'], registers });
  const audited = new Counter({ name: 'tardigrade_audit_records_total', help: 'Records of API calls, by outcome.', labelNames: ['outcome'], registers });
  const webhooks = new Counter({ name: 'tardigrade_webhook_events_total', help: 'What became of events at webhooks, by outcome.', labelNames: ['outcome'], registers });
  new Gauge({
    name: 'tardigrade_vmm_memory_bytes',
    help: 'Memory that the VMMs of MicroVMs have of their own, as it was last looked at.',
    registers,
    collect() {
      this.set(options.vmmTotals?.().memoryBytes ?? 0);
    },
  });
  new Counter({
    name: 'tardigrade_vmm_cpu_seconds_total',
    help: 'CPU time of the VMMs of MicroVMs while they ran, as it was last looked at.',
    registers,
    collect() {
      this.reset();
      this.inc(options.vmmTotals?.().cpuSeconds ?? 0);
    },
  });
  new Gauge({
    name: 'tardigrade_snapshot_stored_bytes',
    help: 'Snapshots on disk: of image versions, and of suspended MicroVMs.',
    labelNames: ['of'],
    registers,
    collect() {
      const { images, microvms } = options.snapshotBytes?.() ?? { images: 0, microvms: 0 };
      this.set({ of: 'images' }, images);
      this.set({ of: 'microvms' }, microvms);
    },
  });
  new Gauge({
    name: 'tardigrade_microvms',
    help: 'MicroVMs in each state; terminated ones are not counted.',
    labelNames: ['state'],
    registers,
    collect() {
      const counts = options.microvmsByState();
      for (const state of STATES) if (state !== 'TERMINATED') this.set({ state }, counts[state] ?? 0);
    },
  });
  // From the start, so that the first incident is a step from 0 and not a series out of nowhere.
  for (const kind of FAULT_KINDS) faults.inc({ kind }, 0);
  for (const to of STATES) transitions.inc({ to }, 0);
  for (const outcome of ASSUME_ROLE_OUTCOMES) assumedRoles.inc({ outcome }, 0);
  for (const type of EVENT_TYPES) events.inc({ type }, 0);
  for (const outcome of AUDIT_OUTCOMES) audited.inc({ outcome }, 0);
  for (const outcome of WEBHOOK_OUTCOMES) webhooks.inc({ outcome }, 0);
  for (const step of STEPS) steps.zero({ step });
  for (const kind of LAUNCH_KINDS) for (const phase of LAUNCH_PHASES) phases.zero({ kind: kind.toLowerCase(), phase });

  return {
    ...apiMetrics(registry, options.api ?? { operations: [], errors: [] }),
    ...proxyMetrics(registry),
    fault: (kind) => faults.inc({ kind }),
    transition: (to) => transitions.inc({ to }),
    observe(step, seconds) {
      // A clock that was set back, or nothing measured: no observation rather than one that breaks the sum.
      if (Number.isFinite(seconds) && seconds >= 0) steps.observe({ step }, seconds);
    },
    launchPhase(kind, phase, seconds) {
      if (Number.isFinite(seconds) && seconds >= 0) phases.observe({ kind: kind.toLowerCase(), phase }, seconds);
    },
    suspended(info) {
      dirtyPages.observe(info.dirtyPages);
      suspendBytes.inc(info.bytes);
    },
    storeWriteFailed: () => storeFailures.inc(),
    clockStepped: () => clockSteps.inc(),
    assumedRole: (outcome) => assumedRoles.inc({ outcome }),
    event: (type) => events.inc({ type }),
    audited: (outcome) => audited.inc({ outcome }),
    webhook: (outcome, count) => webhooks.inc({ outcome }, count),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}
