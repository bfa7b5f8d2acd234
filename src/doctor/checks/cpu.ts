/** What guests could learn of each other through the processor. */
import type { Check } from '../contracts.js';
import { check, ok } from '../check.js';

export const CPU: readonly Check[] = [
  check('mitigations', 'vulnerabilities', (entries) => {
    const vulnerable = Object.entries(entries).filter(([, text]) => /vulnerable/i.test(text));
    if (vulnerable.length === 0) return ok(`${Object.keys(entries).length} known vulnerabilities of processors: not affected or mitigated`);
    return vulnerable.map(([name, text]) => ({
      level: 'warning' as const,
      seen: `${name}: ${text}`,
      why: 'code in one guest may read memory of the host or of another guest',
      fix: /microcode/i.test(text)
        ? 'apt-get install intel-microcode || apt-get install amd64-microcode, then reboot; in a VM its host needs it'
        : 'remove mitigations=off and the like from the kernel\'s command line (cat /proc/cmdline), update the kernel, reboot',
    }));
  }),

  check('smt', 'smt', (control) => {
    if (control !== 'on') return ok(`simultaneous multithreading: ${control}`);
    return {
      level: 'warning',
      seen: 'simultaneous multithreading is on',
      why: 'two guests may share a core at once, and see each other\'s timing and what the core leaks',
      fix: 'echo off > /sys/devices/system/cpu/smt/control; for good: nosmt on the kernel\'s command line',
    };
  }),
];
