/** The host's table as it changes: which link may reach what. */
import { nft } from './commands.js';
import type { EgressPolicy } from './contracts.js';
import { egressRules, nameRules, nameSet } from './egress-rules.js';
import { hostRules, type HostRules } from './host-rules.js';

/** `internet` and `none` have no chain of their own. */
type InForce = { readonly kind: 'none' | 'internet' } | { readonly kind: 'own'; readonly sets: number };

const NONE: InForce = { kind: 'none' };

export class HostTable {
  readonly #inForce = new Map<number, InForce>();

  constructor(private readonly rules: HostRules) {}

  async install(): Promise<void> {
    await nft(hostRules(this.rules));
  }

  async remove(): Promise<void> {
    await nft(`delete table inet ${this.rules.table}\n`);
  }

  /** Puts a policy in force in place of the one before, at once. */
  async allow(slot: number, policy: EgressPolicy): Promise<void> {
    const before = this.#inForce.get(slot) ?? NONE;
    const after = kindOf(policy);
    if (before.kind === after.kind && after.kind !== 'own') return;
    const { table } = this.rules;
    const chain = chainOf(slot);
    const lines = this.#undo(slot, before);
    if (after.kind === 'own') lines.push(`add chain inet ${table} ${chain}`, egressRules({ table, chain }, policy));
    if (after.kind !== 'none') lines.push(`add element inet ${table} egress { ${this.#interface(slot)} : jump ${after.kind === 'own' ? chain : 'internet'} }`);
    await nft(`${lines.join('\n')}\n`);
    this.#inForce.set(slot, after);
  }

  /** Before the slot's interface goes: the next of that name starts with nothing. */
  async forget(slot: number): Promise<void> {
    const lines = this.#undo(slot, this.#inForce.get(slot) ?? NONE);
    if (lines.length > 0) await nft(`${lines.join('\n')}\n`);
    this.#inForce.delete(slot);
  }

  /** Opens addresses in the sets of these name rules. One that is open already gets the new time. */
  async open(slot: number, rules: readonly number[], addresses: readonly string[], seconds: number): Promise<void> {
    const inForce = this.#inForce.get(slot);
    if (inForce?.kind !== 'own' || addresses.length === 0) return;
    const lines = rules.filter((rule) => rule < inForce.sets).flatMap((rule) => {
      const set = `inet ${this.rules.table} ${nameSet(chainOf(slot), rule)}`;
      const plain = addresses.join(', ');
      // An element that is there keeps its old time when it is added again.
      return [`add element ${set} { ${plain} }`, `delete element ${set} { ${plain} }`, `add element ${set} { ${addresses.map((address) => `${address} timeout ${seconds}s`).join(', ')} }`];
    });
    if (lines.length > 0) await nft(`${lines.join('\n')}\n`);
  }

  #undo(slot: number, inForce: InForce): string[] {
    const { table } = this.rules;
    const lines = inForce.kind === 'none' ? [] : [`delete element inet ${table} egress { ${this.#interface(slot)} }`];
    if (inForce.kind === 'own') {
      const chain = chainOf(slot);
      lines.push(`flush chain inet ${table} ${chain}`, `delete chain inet ${table} ${chain}`);
      for (let set = 0; set < inForce.sets; set++) lines.push(`delete set inet ${table} ${nameSet(chain, set)}`);
    }
    return lines;
  }

  #interface(slot: number): string {
    return `"${this.rules.interfacePrefix}${slot}"`;
  }
}

function chainOf(slot: number): string {
  return `slot${slot}`;
}

function kindOf(policy: EgressPolicy): InForce {
  const sets = nameRules(policy).length;
  if (policy.networks.length === 0 && sets === 0) return { kind: policy.internet ? 'internet' : 'none' };
  return { kind: 'own', sets };
}
