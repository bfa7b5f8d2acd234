/** The parts of a CycloneDX 1.5 document that we read or add. */
export interface Component {
  readonly 'bom-ref': string;
  readonly type: 'application' | 'library' | 'operating-system';
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly properties?: readonly Property[];
}

export interface Property {
  readonly name: string;
  readonly value: string;
}

export interface Bom {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly metadata: { readonly component: Component; readonly [other: string]: unknown };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** Which part of the system a component is in: a package may be in several. */
export const PART = 'tardigrade:part';

const DEVELOPMENT = 'cdx:npm:package:development';

/** npm's document without what serves development alone. `npm sbom --omit=dev` leaves out too much: also what a tool of development needs too. */
export function shipped(bom: Bom): Bom {
  const tools = new Set(bom.components.filter(({ properties }) => properties?.some(({ name, value }) => name === DEVELOPMENT && value === 'true')).map((component) => component['bom-ref']));
  return {
    ...bom,
    components: bom.components.filter((component) => !tools.has(component['bom-ref'])),
    dependencies: bom.dependencies
      .filter(({ ref }) => !tools.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((on) => !tools.has(on)) })),
  };
}

/** `bom` with components more, each a dependency of the whole. One that is there twice is there once, with the parts of both. */
export function extend(bom: Bom, extra: readonly Component[]): Bom {
  const merged = new Map(bom.components.map((component) => [component['bom-ref'], component]));
  for (const component of extra) {
    const known = merged.get(component['bom-ref']);
    merged.set(component['bom-ref'], known === undefined ? component : { ...known, properties: [...(known.properties ?? []), ...(component.properties ?? [])] });
  }
  const whole = bom.metadata.component['bom-ref'];
  const refs = new Set(extra.map((component) => component['bom-ref']));
  return {
    ...bom,
    components: [...merged.values()],
    dependencies: [
      ...bom.dependencies.map(({ ref, dependsOn }) => (ref === whole ? { ref, dependsOn: [...new Set([...dependsOn, ...refs])] } : { ref, dependsOn })),
      ...[...refs].map((ref) => ({ ref, dependsOn: [] })),
    ],
  };
}
