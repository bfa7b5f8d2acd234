/** Text in HTML and SVG: of images, guests and errors, none of it trusted. */
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escape(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are not allowed in HTML
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '?').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
