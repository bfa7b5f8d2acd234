/** Makes a check of one fact; a fact that could not be read is a note. */
import type { Check, Fact, Facts, Verdict } from './contracts.js';

type ValueOf<F> = Extract<F, { readonly value: unknown }>['value'];

export function check<K extends keyof Facts>(name: string, fact: K, judge: (value: ValueOf<Facts[K]>) => Verdict | readonly Verdict[]): Check {
  return {
    name,
    run: (facts) => {
      const read = facts[fact] as Fact<ValueOf<Facts[K]>>;
      const verdicts = 'unknown' in read ? notRead(read.unknown) : judge(read.value);
      return [verdicts].flat().map((verdict) => ({ check: name, ...verdict }));
    },
  };
}

function notRead(reason: string): Verdict {
  return { level: 'note', seen: `could not be read: ${reason}` };
}

export const ok = (seen: string): Verdict => ({ level: 'ok', seen });

/** Numbers for people. */
export const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
