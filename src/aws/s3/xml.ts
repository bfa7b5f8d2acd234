/** The little XML that S3 speaks. */

/** A tree: element name → text, subtree, or several of them. undefined members are left out. */
export interface XmlTree {
  readonly [name: string]: XmlValue;
}
type XmlValue = string | number | boolean | undefined | XmlTree | readonly XmlTree[];

export const s3Namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

export function xmlDocument(root: string, tree: XmlTree, namespace?: string): string {
  const attribute = namespace === undefined ? '' : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${content(tree)}</${root}>`;
}

/** Text of every `<name>…</name>` inside `xml`, in order; no nesting of the same name. Entities are decoded. */
export function xmlTexts(xml: string, name: string): string[] {
  return Array.from(xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([^]*?)</${name}>`, 'g')), (match) => decode(match[1] ?? ''));
}

function content(tree: XmlTree): string {
  return Object.entries(tree).map(([name, value]) => element(name, value)).join('');
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (isList(value)) return value.map((item) => `<${name}>${content(item)}</${name}>`).join('');
  return `<${name}>${typeof value === 'object' ? content(value) : escape(String(value))}</${name}>`;
}

function isList(value: XmlValue): value is readonly XmlTree[] {
  return Array.isArray(value);
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };
  return text.replace(/[&<>"\r]/g, (char) => entities[char] ?? char);
}

function decode(text: string): string {
  const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", '#34': '"', '#13': '\r' };
  return text.replace(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole);
}
