/** Rules of JSON answers that hold for every operation. */

/** Epoch seconds with fraction: rest-json's timestamp. `ms` since 1970. */
export function seconds(ms: number): number;
export function seconds(ms: number | undefined): number | undefined;
export function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

/** Members without a value are sent as explicit null, as recorded from the live service (spec §15). */
export function withNulls(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, value ?? null]));
}
