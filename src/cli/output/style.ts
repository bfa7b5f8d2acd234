/** Colours, on a terminal and without NO_COLOR only. */
const CODES = { red: 31, green: 32, yellow: 33, blue: 34, cyan: 36, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof CODES;
export type Style = (colour: Colour, text: string) => string;

export function styleFor(out: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Style {
  if (out.isTTY !== true || env['NO_COLOR'] || env['TERM'] === 'dumb') return (_, text) => text;
  return (colour, text) => (text === '' ? '' : `\x1b[${CODES[colour]}m${text}\x1b[0m`);
}

/** Of images, versions, builds and MicroVMs. */
export function stateColour(state: string): Colour {
  if (/FAILED/.test(state)) return 'red';
  if (/^(RUNNING|CREATED|UPDATED|SUCCESSFUL|SUCCEEDED|ACTIVE)$/.test(state)) return 'green';
  if (/ING$/.test(state)) return 'yellow';
  return state === 'SUSPENDED' ? 'blue' : 'dim';
}
