/** All checks, in the order they are told. docs/doctor.md has a row for each. */
import { CPU } from './checks/cpu.js';
import { HOST } from './checks/host.js';
import { KERNEL } from './checks/kernel.js';
import { MEMORY } from './checks/memory.js';
import { NETWORK } from './checks/network.js';
import { PROGRAMS } from './checks/programs.js';
import { STORAGE } from './checks/storage.js';
import type { Check, Facts, Finding } from './contracts.js';

export const CHECKS: readonly Check[] = [...HOST, ...CPU, ...MEMORY, ...KERNEL, ...STORAGE, ...NETWORK, ...PROGRAMS];

export function examine(facts: Facts): Finding[] {
  return CHECKS.flatMap((check) => check.run(facts));
}
