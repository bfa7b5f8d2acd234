/** Limits as the kernel takes them: which file holds which value, in either version. */
import type { Controller, GroupLimits } from './contracts.js';

export interface Setting {
  readonly controller: Controller;
  readonly file: string;
  readonly value: string;
}

/** Quotas are given out anew each 100 ms, the kernel's own default: shorter ones cost more than they smooth. */
const PERIOD_US = 100_000;
/** What a share of one CPU is in each version's unit; both are the kernel's default weight. */
const SHARES_PER_CPU = 1024; // v1: 2..262144
const WEIGHT_PER_CPU = 100; // v2: 1..10000

export function settings(version: 1 | 2, limits: GroupLimits): Setting[] {
  return version === 1 ? settingsV1(limits) : settingsV2(limits);
}

function settingsV1(limits: GroupLimits): Setting[] {
  return [
    { controller: 'cpu', file: 'cpu.shares', value: String(clamp(limits.cpuWeight * SHARES_PER_CPU, 2, 262_144)) },
    { controller: 'cpu', file: 'cpu.cfs_period_us', value: String(PERIOD_US) },
    { controller: 'cpu', file: 'cpu.cfs_quota_us', value: limits.cpus === undefined ? '-1' : String(Math.ceil(limits.cpus * PERIOD_US)) },
    { controller: 'memory', file: 'memory.limit_in_bytes', value: String(limits.memoryBytes) },
    { controller: 'pids', file: 'pids.max', value: String(limits.tasks) },
  ];
}

function settingsV2(limits: GroupLimits): Setting[] {
  return [
    { controller: 'cpu', file: 'cpu.weight', value: String(clamp(limits.cpuWeight * WEIGHT_PER_CPU, 1, 10_000)) },
    { controller: 'cpu', file: 'cpu.max', value: `${limits.cpus === undefined ? 'max' : Math.ceil(limits.cpus * PERIOD_US)} ${PERIOD_US}` },
    { controller: 'memory', file: 'memory.max', value: String(limits.memoryBytes) },
    { controller: 'pids', file: 'pids.max', value: String(limits.tasks) },
  ];
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.round(value)));
}

/** `oom_kill 1` among other lines, in `memory.oom_control` (v1) and `memory.events` (v2). */
export function oomKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

export const OOM_FILE = { 1: 'memory.oom_control', 2: 'memory.events' } as const;
export const PEAK_FILE = { 1: 'memory.max_usage_in_bytes', 2: 'memory.peak' } as const;
