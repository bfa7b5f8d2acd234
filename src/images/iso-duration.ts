/** Whole seconds as java.time.Duration prints them, which is what the service's texts hold: PT30S, PT5M, PT1H1M1S. */
export function isoDuration(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 3600), 'H'],
    [Math.floor((seconds % 3600) / 60), 'M'],
    [seconds % 60, 'S'],
  ];
  const text = parts.filter(([n]) => n > 0).map(([n, unit]) => `${n}${unit}`).join('');
  return `PT${text === '' ? '0S' : text}`;
}
