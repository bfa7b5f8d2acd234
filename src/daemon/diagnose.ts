/** What `tardigrade doctor` finds on this host: hands its facts, which several layers know, to the checks. */
import { findHierarchies, readProcFiles } from '../cgroups/hierarchies.js';
import type { Config } from '../config/config.js';
import { examine } from '../doctor/checks.js';
import type { Finding } from '../doctor/contracts.js';
import { readFacts } from '../doctor/facts.js';
import { clockSynchronised } from '../engine/linux/libc.js';
import { goProgramsBuilt } from './assets.js';

export async function diagnose(config: Config): Promise<Finding[]> {
  return examine(await readFacts(config, { hierarchies: async () => findHierarchies(await readProcFiles()), clockSynchronised, goProgramsBuilt }));
}
