/**
 * The way out of a session that no longer answers: `~.` at the start of a line, as in ssh. `~~` there types one `~`.
 */
const TILDE = 0x7e;
const DOT = 0x2e;
const LINE_ENDS = new Set([0x0d, 0x0a]);

export class EscapeFilter {
  #atStart = true;
  #held = false;

  /** What goes to the guest of what was typed, and whether the person wants to leave; what follows `~.` is dropped. */
  push(typed: Buffer): { readonly bytes: Buffer; readonly leave: boolean } {
    const out: number[] = [];
    for (const byte of typed) {
      if (this.#held) {
        this.#held = false;
        if (byte === DOT) return { bytes: Buffer.from(out), leave: true };
        out.push(TILDE);
        this.#atStart = false;
        if (byte === TILDE) continue;
      } else if (this.#atStart && byte === TILDE) {
        this.#held = true;
        continue;
      }
      out.push(byte);
      this.#atStart = LINE_ENDS.has(byte);
    }
    return { bytes: Buffer.from(out), leave: false };
  }
}
