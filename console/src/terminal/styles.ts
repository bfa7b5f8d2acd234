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
    // Even an empty <style> is one too many: what stands in for it is not drawn either.
    if (name === 'style') return asSheet(make('template'), sheets);
    const element = make(name, options);
    element.setAttribute = (attribute, value) => setAttribute(element, attribute, value);
    return element;
  };
  Object.defineProperty(document, 'createElement', { configurable: true, value: instead });
  return () => {
    Reflect.deleteProperty(document, 'createElement');
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !sheets.includes(sheet));
  };
}

function asSheet(element: HTMLElement, sheets: CSSStyleSheet[]): HTMLElement {
  const sheet = new CSSStyleSheet();
  sheets.push(sheet);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, 'textContent', { set: (css: string) => sheet.replaceSync(css) });
  return element;
}

function setAttribute(element: HTMLElement, name: string, value: string): void {
  if (name === 'style') element.style.cssText = value;
  else Element.prototype.setAttribute.call(element, name, value);
}
