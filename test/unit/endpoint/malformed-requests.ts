/** Requests that must not reach an application, by name. Each carries the token: nothing but its form keeps it out. */

const CONTROLS = Array.from({ length: 33 }, (_, i) => (i === 32 ? 0x7f : i)).filter((code) => code !== 0x09);
const SEPARATORS = ['"', '(', ')', ',', '/', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}', ' ', '\t'];
const show = (text: string): string => JSON.stringify(text);

/** `fields`: lines of a valid head besides the request line, the token among them. */
export function malformedRequests(host: string, fields: string): Map<string, string> {
  const cases = new Map<string, string>();
  const add = (name: string, bytes: string): void => {
    if (cases.has(name)) throw new Error(`two cases are called ${name}`);
    cases.set(name, bytes);
  };
  const get = (line: string): string => `GET / HTTP/1.1\r\n${fields}${line}\r\n\r\n`;
  const smuggled = `GET /smuggled HTTP/1.1\r\n${fields}\r\n`;
  const post = (lines: string, body: string): string => `POST / HTTP/1.1\r\n${fields}${lines}\r\n\r\n${body}${smuggled}`;

  for (const code of CONTROLS) {
    const char = String.fromCharCode(code);
    add(`control ${code} in a value`, get(`X-A: a${char}b`));
    add(`control ${code} in a name`, get(`X${char}A: b`));
    add(`control ${code} in the target`, `GET /a${char}b HTTP/1.1\r\n${fields}\r\n`);
  }
  for (const char of SEPARATORS) add(`${show(char)} in a name`, get(`X${char}A: b`));
  for (const char of ['\x80', '\xff', '\u00a0']) add(`${show(char)} in a name`, get(`X${char}A: b`));
  add('no name', get(': b'));
  add('no colon', get('X-A'));
  add('space before colon', get('X-A : b'));
  add('tab before colon', get('X-A\t: b'));
  add('space before the first name', `GET / HTTP/1.1\r\n ${fields}\r\n`);
  add('folded with a space', get('X-A: b\r\n c'));
  add('folded with a tab', get('X-A: b\r\n\tc'));
  add('folded Host', `GET / HTTP/1.1\r\nHost:\r\n ${host}\r\n${fields.replace(/^Host:[^\r]*\r\n/i, '')}\r\n`);

  for (const length of ['+5', '-5', '5a', '0x5', '5 5', '5,5', '5, 5', '5;', ' 5 5', '', 'five', '5.0', '5e0', '1_000', '\u00b2', '9'.repeat(30), '18446744073709551616', '5\x0b', '\x0b5']) {
    add(`Content-Length ${show(length)}`, post(`Content-Length: ${length}`, 'hello'));
  }
  for (const [one, other] of [['0', '5'], ['5', '0'], ['5', '5'], ['5', '6'], ['6', '5'], ['5', ''], ['', '5']] as const) {
    add(`Content-Length ${show(one)} and ${show(other)}`, post(`Content-Length: ${one}\r\nContent-Length: ${other}`, 'hello'));
  }
  const codings = [
    'gzip', 'identity', 'gzip, chunked', 'chunked, gzip', 'chunked, identity', 'identity, chunked', 'chunked, chunked', 'xchunked', 'chunkedx', 'chunked;q=1', 'chunked; a', '"chunked"', "'chunked'",
    'chunked,', ',chunked', 'chunk', 'ch\xfcnked', 'chunked\x0b', '\x0bchunked', 'chunked\x00', '', 'trailers', 'chunked gzip', 'CHUNKED, x', 'deflate',
  ];
  for (const coding of codings) add(`Transfer-Encoding ${show(coding)}`, post(`Transfer-Encoding: ${coding}`, '0\r\n\r\n'));
  for (const name of ['Transfer-Encoding', 'transfer-encoding', 'TRANSFER-ENCODING']) {
    add(`${name} and Content-Length`, post(`${name}: chunked\r\nContent-Length: 5`, '0\r\n\r\n'));
    add(`Content-Length and ${name}`, post(`Content-Length: 5\r\n${name}: chunked`, '0\r\n\r\n'));
    add(`${name} twice`, post(`${name}: chunked\r\n${name}: chunked`, '0\r\n\r\n'));
    add(`${name} chunked, then identity`, post(`${name}: chunked\r\n${name}: identity`, '0\r\n\r\n'));
    add(`${name} identity, then chunked`, post(`${name}: identity\r\n${name}: chunked`, '0\r\n\r\n'));
    add(`${name} : chunked`, post(`${name} : chunked`, '0\r\n\r\n'));
    add(`folded ${name}`, post(`${name}:\r\n chunked`, '0\r\n\r\n'));
    add(`${name} in HTTP/1.0`, `POST / HTTP/1.0\r\n${fields}${name}: chunked\r\n\r\n0\r\n\r\n${smuggled}`);
  }

  const other = 'other.microvm.localhost';
  const rest = fields.replace(/^Host:[^\r]*\r\n/i, '');
  const hosts: Record<string, string> = {
    'no Host': '', 'empty Host, then a right one': `Host:\r\nHost: ${host}\r\n`, 'two equal Hosts': `Host: ${host}\r\nHost: ${host}\r\n`, 'two different Hosts': `Host: ${host}\r\nHost: ${other}\r\n`,
    'another Host first': `Host: ${other}\r\nHost: ${host}\r\n`, 'host in two cases': `Host: ${host}\r\nhost: ${host}\r\n`, 'HOST and Host': `HOST: ${host}\r\nHost: ${host}\r\n`,
    'a space before the colon of Host': `Host : ${host}\r\n`, 'a list of Hosts': `Host: ${host}, ${other}\r\n`, 'a path in Host': `Host: ${host}/x\r\n`, 'a user in Host': `Host: x@${host}\r\n`,
    'another name in Host': `Host: ${other}\r\n`, 'a port that is none': `Host: ${host}:x\r\n`, 'a dot at the end of Host': `Host: ${host}.\r\n`, 'a name below': `Host: a.${host}\r\n`, 'a scheme in Host': `Host: https://${host}\r\n`,
  };
  for (const [name, lines] of Object.entries(hosts)) add(name, `GET / HTTP/1.1\r\n${lines}${rest}\r\n`);
  add('no Host in HTTP/1.0', `GET / HTTP/1.0\r\n${rest}\r\n`);

  for (const target of [`https://${host}/`, `http://${other}/`, `${host}:443`, '', '*', '?', '#', 'x', '\\', '@', './', '../', `/ /`, `/ HTTP/1.1 x`, 'file:///etc/passwd', '\xff']) {
    add(`target ${show(target)}`, `GET ${target} HTTP/1.1\r\n${fields}\r\n`);
  }
  add('target * of a GET with a body', `POST * HTTP/1.1\r\n${fields}\r\n`);
  for (const version of ['HTTP/0.9', 'HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/2.7', 'HTTP/3.0', 'HTTP/11', 'HTTP/1', 'HTTP/1.', 'HTTP/.1', 'HTTP/1.1.1', 'http/1.1', 'HTTP 1.1', 'HTTP/1,1', 'HTTP/1.1 x', 'HTP/1.1', 'FTP/1.1', '']) {
    add(`version ${show(version)}`, `GET / ${version}\r\n${fields}\r\n`);
  }
  for (const method of ['', ' ', 'G ET', 'get', 'GE\tT', 'G@T', 'GET:', '\x00GET', 'FOO', 'GETT', 'PRI', 'CONNECT', '(GET)']) {
    add(`method ${show(method)}`, `${method} / HTTP/1.1\r\n${fields}\r\n`);
  }
  add('bare line feeds', `GET / HTTP/1.1\n${fields.replaceAll('\r\n', '\n')}\n`);
  add('bare line feed at the end of the request line', `GET / HTTP/1.1\n${fields}\r\n`);
  add('bare line feed at the end of a field', get('X-A: b\nX-B: c'));
  add('bare carriage return at the end of a field', get('X-A: b\rX-B: c'));
  add('bare carriage return in the request line', `GET /\r HTTP/1.1\r\n${fields}\r\n`);
  add('line feed before carriage return', get('X-A: b\n\rX-B: c'));
  add('a TLS ClientHello within TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03');
  add('the preface of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`);
  add('an upgrade with a body', `GET / HTTP/1.1\r\n${fields}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`);
  add('an upgrade with a chunked body', `GET / HTTP/1.1\r\n${fields}Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`);
  add('a head beyond the limit', get(`X-A: ${'a'.repeat(40_000)}`));
  add('fields beyond the limit', get(Array.from({ length: 4000 }, (_, i) => `X-${i}: b`).join('\r\n')));
  add('a target beyond the limit', `GET /${'a'.repeat(40_000)} HTTP/1.1\r\n${fields}\r\n`);
  return cases;
}
