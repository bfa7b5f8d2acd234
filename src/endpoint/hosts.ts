/** From the name a client asked for to the label of a MicroVM (spec §5.1). */

/** Answers the first label of `<label>.microvm.<domain>`; undefined for every other name. */
export type LabelOf = (host: string, serverName: string | undefined) => string | undefined;

/**
 * @param domain lower case
 * @returns a function of the Host header (`name[:port]`) and the TLS server name, which must agree when it is sent. Unknown: endpoint-sni
 */
export function createLabelOf(domain: string): LabelOf {
  const suffix = `.microvm.${domain}`;
  return (host, serverName) => {
    const name = withoutPort(host).toLowerCase();
    if (serverName !== undefined && serverName.toLowerCase() !== name) return undefined;
    if (!name.endsWith(suffix)) return undefined;
    const label = name.slice(0, -suffix.length);
    return label === '' || label.includes('.') ? undefined : label;
  };
}

/** `name[:port]` → name */
export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon >= 0 && /^[0-9]*$/.test(host.slice(colon + 1)) ? host.slice(0, colon) : host;
}
