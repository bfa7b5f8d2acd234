/** Text from elsewhere, without what a terminal would act on. */
export function printable(value: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are the point
  return value.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '?');
}
