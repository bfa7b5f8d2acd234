/**
 * xterm.js styles what it draws by <style> elements and style attributes, which the content security policy forbids
 * because markup could smuggle them in. What scripts set through the object model is allowed: while a terminal is
 * open, elements it makes take their styles that way.
 */
export function styleByObjectModel(): () => void {
  const sheets: CSSStyleSheet[] = [];
  // Only names of some elements are deprecated.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const make = document.createElement.bind(document);
  const instead = (name: string, options?: ElementCreationOptions): HTMLElement => {
    const element = make(name, options);
    if (element instanceof HTMLStyleElement) asSheet(element, sheets);
    else element.setAttribute = (attribute, value) => setAttribute(element, attribute, value);
    return element;
  };
  Object.defineProperty(document, 'createElement', { configurable: true, value: instead });
  return () => {
    Reflect.deleteProperty(document, 'createElement');
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !sheets.includes(sheet));
  };
}

function asSheet(element: HTMLStyleElement, sheets: CSSStyleSheet[]): void {
  const sheet = new CSSStyleSheet();
  sheets.push(sheet);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, 'textContent', { set: (css: string) => sheet.replaceSync(css) });
}

function setAttribute(element: HTMLElement, name: string, value: string): void {
  if (name === 'style') element.style.cssText = value;
  else Element.prototype.setAttribute.call(element, name, value);
}
