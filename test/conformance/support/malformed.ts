/** Requests that are wrong somewhere: in their HTTP, their signature, their framing, or only in what they say. */
import { operations } from '../../../src/api/operations/index.js';
import { canonicalRequest, sha256, stringToSign } from '../../../src/api/sigv4/canonical.js';
import { scopeText, sign, signingKey } from '../../../src/api/sigv4/key.js';
import { parseQuery } from '../../../src/api/sigv4/request-head.js';
import { key, region } from '../harness.js';
import { damaged, oddJson, oddObject, oddText, type Random } from './random.js';

export interface Malformed {
  readonly kind: string;
  readonly bytes: Buffer;
}

interface Parts {
  readonly method: string;
  readonly path: string;
  readonly query?: string;
  readonly service?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the signature says of the body; its hash if not given. */
  readonly payload?: string;
  readonly body?: Buffer;
}

/** Of the MicroVM operations, lambda-core and tags, at all depths. */
const memberNames = [
  'name', 'baseImageArn', 'baseImageVersion', 'buildRoleArn', 'codeArtifact', 'uri', 'description', 'logging', 'disabled', 'cloudWatch', 'logGroup', 'logStream', 'egressNetworkConnectors', 'ingressNetworkConnectors',
  'cpuConfigurations', 'architecture', 'resources', 'minimumMemoryInMiB', 'additionalOsCapabilities', 'hooks', 'port', 'microvmHooks', 'run', 'runTimeoutInSeconds', 'microvmImageHooks', 'ready', 'environmentVariables', 'tags', 'clientToken',
  'imageIdentifier', 'imageVersion', 'executionRoleArn', 'idlePolicy', 'maxIdleDurationSeconds', 'suspendedDurationSeconds', 'autoResumeEnabled', 'runHookPayload', 'maximumDurationInSeconds', 'expirationInMinutes', 'allowedPorts', 'range',
  'startPort', 'endPort', 'allPorts', 'status', 'Tags', 'Name', 'Configuration', 'VpcEgressConfiguration', 'SubnetIds', 'SecurityGroupIds', 'NetworkProtocol', 'AssociatedComputeResourceTypes', 'OperatorRole', 'ClientToken',
];
const logsNames = ['logGroupName', 'logGroupIdentifier', 'logGroupIdentifiers', 'logStreamName', 'logStreamNames', 'logGroupNamePrefix', 'limit', 'nextToken', 'startTime', 'endTime', 'startFromHead', 'filterPattern', 'retentionInDays', 'logEvents', 'message', 'timestamp', 'tags', 'orderBy', 'descending', 'interleaved'];
const logsOperations = ['CreateLogGroup', 'CreateLogStream', 'DeleteLogGroup', 'DeleteLogStream', 'DescribeLogGroups', 'DescribeLogStreams', 'GetLogEvents', 'FilterLogEvents', 'PutLogEvents', 'PutRetentionPolicy', 'DeleteRetentionPolicy', 'StartLiveTail', 'Nothing', ''];
const s3Queries = [
  '', 'list-type=2', 'list-type=2&max-keys=x', 'list-type=2&continuation-token=x', 'max-keys=-1', 'uploads', 'uploads&max-uploads=x', 'uploadId=x', 'uploadId=../x&partNumber=1', 'partNumber=0&uploadId=x', 'partNumber=10001&uploadId=x',
  'partNumber=1', 'delete', 'delimiter=/&prefix=%00', 'encoding-type=x', 'location', 'marker=%F0%9F%A6%80', 'list-type=3', 'start-after=%00', 'x-id=PutObject', 'response-content-type=%0d%0ax:y',
];
const s3Headers: Readonly<Record<string, readonly string[]>> = {
  range: ['bytes=', 'bytes=5-1', 'bytes=-0', 'bytes=99999999999999999999-', 'bytes=0-1,3-4', 'x'],
  'content-md5': ['x', '1B2M2Y8AsgTpgAmY7PhCfg==', ''],
  'x-amz-copy-source': ['', 'x', '/', '/fuzz', '/fuzz/%', '/fuzz/../../etc/passwd'],
  'x-amz-checksum-crc32': ['x', 'AAAAAA=='],
  'x-amz-checksum-sha256': ['x'],
  'x-amz-sdk-checksum-algorithm': ['CRC32', 'X'],
  'x-amz-trailer': ['x-amz-checksum-crc32', 'x', ''],
  'x-amz-decoded-content-length': ['5', '-1', 'x', '99999999999'],
  'if-match': ['*', '"x"', 'x,y'],
  'if-none-match': ['*', 'x'],
  'if-modified-since': ['x', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  'x-amz-meta-a': ['x'.repeat(3000), 'é'],
  'content-encoding': ['aws-chunked', 'gzip'],
  expires: ['x'],
};
const oddPaths = ['/', '//', '/./', '/../', '/%', '/%zz', '/%ff', '/%00', '/%2e%2e/%2e%2e', '/a/%2F', '/fuzz/..%2f..%2fetc', '/fuzz/%F0%9F%A6%80', '/health', '/2025-09-09', '/2025-09-09/microvms/%ff', '/2025-09-09/microvms/%00/suspend', '/2025-09-09/microvm-images/a%2Fb', '/2017-03-31/tags/%E2%28', '/fuzz', `/${'a'.repeat(900)}`];

export function createMalformed(random: Random, port: number): () => Malformed {
  const host = `127.0.0.1:${port}`;

  function signed({ method, path, query = '', service = 'lambda', headers = {}, body = Buffer.alloc(0), payload = sha256(body) }: Parts): Record<string, string> {
    const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
    const scope = { date: timestamp.slice(0, 8), region, service };
    const all: Record<string, string> = { host, 'x-amz-date': timestamp, ...(service === 's3' ? { 'x-amz-content-sha256': payload } : {}), ...headers };
    const names = Object.keys(all).sort();
    const request = { method, rawPath: path, query: [] as [string, string][], headers: new Map(Object.entries(all)) };
    let signature = 'f'.repeat(64);
    try {
      request.query = parseQuery(query);
      signature = sign(signingKey(key.secretAccessKey, scope), stringToSign(timestamp, scopeText(scope), canonicalRequest(request, names, payload, service === 's3' ? 's3' : 'generic')));
    } catch (error) {
      // A path or query that does not decode has no signature: the made-up one must do.
      if (!(error instanceof Error)) throw error;
    }
    return { ...all, authorization: `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scopeText(scope)}, SignedHeaders=${names.join(';')}, Signature=${signature}` };
  }

  function request(parts: Parts, more: Readonly<Record<string, string>> = {}): Buffer {
    const { method, path, query = '', body = Buffer.alloc(0) } = parts;
    const lines = Object.entries({ ...signed(parts), 'content-length': String(body.length), ...more }).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.concat([Buffer.from(`${method} ${path}${query === '' ? '' : `?${query}`} HTTP/1.1\r\n${lines.join('')}\r\n`), body]);
  }

  const labelled = (path: string): string => path.replace(/\{\w+\}/g, () => encodeURIComponent(Buffer.from(oddText(random)).toString()) || 'x');
  const operation = (): Buffer => {
    const { method, path, body } = random.pick(operations);
    const query = random.chance(30) ? `${random.pick(['maxResults', 'nextToken', 'nameFilter', 'tagKeys', 'MaxItems', 'Marker', 'State', 'chipset', 'imageIdentifier'])}=${encodeURIComponent(Buffer.from(oddText(random)).toString())}` : '';
    const text = random.chance(85) ? oddObject(random, memberNames) : oddJson(random, memberNames);
    const bytes = Buffer.from(text);
    return request({ method, path: labelled(path), query, ...(body ? { body: random.chance(10) ? damaged(random, bytes) : bytes } : {}) });
  };
  const s3Path = (): string => random.pick(['/fuzz', '/fuzz/key', '/fuzz/a%2Fb', '/no-such-bucket/k', '/', ...oddPaths]);
  const xml = (): Buffer => {
    const text = random.pick([
      '<Delete><Object><Key>a</Key></Object></Delete>', '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>', '<CreateBucketConfiguration><LocationConstraint>x</LocationConstraint></CreateBucketConfiguration>',
      '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>', '<a>'.repeat(500), '<Delete><Object><Key>&#0;&#xFFFFFFFF;</Key></Object></Delete>', '<?xml', '{"a":1}', '',
    ]);
    return random.chance(50) ? damaged(random, Buffer.from(text)) : Buffer.from(text);
  };

  const kinds: Readonly<Record<string, () => Buffer>> = {
    'request line': () => {
      const line = random.pick([
        'GET', 'GET /', 'GET / HTTP/0.9', 'GET / HTTP/3.0', 'GET  /  HTTP/1.1', 'get / http/1.1', `${'A'.repeat(70)} / HTTP/1.1`, 'BREW /2025-09-09/microvms HTTP/1.1', 'GET http://other/x HTTP/1.1', 'GET * HTTP/1.1', 'CONNECT a:1 HTTP/1.1', 'TRACE / HTTP/1.1', 'OPTIONS * HTTP/1.1',
        'GET /\u0000 HTTP/1.1', `GET /${'x'.repeat(20_000)} HTTP/1.1`, 'PRI * HTTP/2.0', '\u0016\u0003\u0001\u0002\u0000', 'GET ?x HTTP/1.1', 'GET // HTTP/1.1', 'GET /a b HTTP/1.1',
      ]);
      const whole = Buffer.from(`${line}\r\nHost: ${host}\r\n\r\n`, 'latin1');
      return random.chance(40) ? damaged(random, whole) : whole;
    },
    garbage: () => random.bytes(1 + random.int(600)),
    headers: () => {
      const odd = random.pick([
        'no colon', ': x', 'a b: c', 'a : b', ' folded', 'x: a\r\n b', 'x: \u0000', 'x: \u0007', 'é: x', 'Host: other', 'Content-Length: -1', 'Content-Length: 5, 6', 'Content-Length: 0x5', 'Content-Length: 99999999999999999999', 'Content-Length: 5\r\nTransfer-Encoding: chunked',
        'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding: x', 'Connection: upgrade\r\nUpgrade: websocket', 'Expect: 100-continue', 'Expect: x', `x: ${'y'.repeat(70_000)}`, 'x-amz-target: Logs_20140328.GetLogEvents', 'Authorization: Basic eA==',
        'Authorization: AWS4-HMAC-SHA256', 'Authorization: AWS4-HMAC-SHA256 Credential=//////,SignedHeaders=;,Signature=', 'Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=é', 'x-amz-date: 99999999T999999Z',
      ]);
      return Buffer.from(`${random.pick(['GET', 'POST', 'PUT'])} ${random.pick(['/2025-09-09/microvms', '/fuzz/k', '/'])} HTTP/1.1\r\n${random.chance(70) ? `Host: ${host}\r\n` : ''}${odd}\r\n\r\nhello`, 'latin1');
    },
    'many headers': () => Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 100 + random.int(3000) }, (_, i) => `h${i}: v\r\n`).join('')}\r\n`),
    host: () => Buffer.from(`GET ${random.pick(['/', '/fuzz/k', '/2025-09-09/microvms'])} HTTP/1.1\r\n${random.pick(['', 'Host:\r\n', 'Host: a\r\nHost: b\r\n', 'Host: [::1\r\n', 'Host: a/b@c\r\n', `Host: ${'h'.repeat(5000)}\r\n`, 'Host: fuzz.s3.localhost:x\r\n', 'Host: %00\r\n'])}\r\n`),
    'unsigned path': () => Buffer.from(`${random.pick(['GET', 'PUT', 'DELETE', 'POST', 'HEAD'])} ${random.pick(oddPaths)}${random.pick(['', '?', '?%', '?a=%ff', '?=', '?&&', '?X-Amz-Algorithm=x', '?X-Amz-Signature=x&X-Amz-Expires=-1', '#x'])} HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    presigned: () => {
      const query = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature'].map((name) => `${name}=${encodeURIComponent(random.pick(['', 'AWS4-HMAC-SHA256', `${key.accessKeyId}/20260101/us-east-1/s3/aws4_request`, '20260101T000000Z', '60', '-1', 'host', 'f'.repeat(64), '%', 'é']))}`);
      return Buffer.from(`GET ${random.pick(['/fuzz/k', '/2025-09-09/microvms'])}?${query.join('&')} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    },
    chunked: () => {
      const frames = random.pick(['5\r\nhello\r\n0\r\n\r\n', 'x\r\nhello\r\n', '5\r\nhel', '-1\r\n\r\n', 'ffffffffffffffffff\r\nx', '5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n', '0\r\n', '5 \r\nhello\r\n0\r\n\r\n', '5\nhello\n0\n\n']);
      const head = signed({ method: 'POST', path: '/2025-09-09/microvms', body: Buffer.from('hello') });
      return Buffer.from(`POST /2025-09-09/microvms HTTP/1.1\r\n${Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`).join('')}Transfer-Encoding: chunked\r\n\r\n${frames}`);
    },
    operation,
    'operation, damaged': () => damaged(random, operation()),
    'operation, cut': () => {
      const whole = request({ method: 'POST', path: '/2025-09-09/microvms', body: Buffer.from(oddObject(random, memberNames).padEnd(200)) });
      return whole.subarray(0, whole.length - 1 - random.int(150));
    },
    'body of another type': () => request(
      { method: 'POST', path: '/2025-09-09/microvm-images', body: random.pick([xml(), random.bytes(50), Buffer.from('a=b&c=d'), Buffer.from('\ufeff{}'), Buffer.from('[1]'), Buffer.from('"x"'), Buffer.from('['.repeat(20_000)), Buffer.from(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`)]) },
      { 'content-type': random.pick(['text/xml', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', '', '\u00e9']), ...(random.chance(30) ? { 'content-encoding': 'gzip' } : {}) },
    ),
    logs: () => request(
      { method: random.chance(90) ? 'POST' : 'GET', path: '/', service: 'logs', headers: { 'x-amz-target': `${random.chance(95) ? 'Logs_20140328.' : ''}${random.pick(logsOperations)}` }, body: Buffer.from(random.chance(90) ? oddObject(random, logsNames) : oddJson(random, logsNames)) },
      { 'content-type': 'application/x-amz-json-1.1' },
    ),
    s3: () => {
      const [method, query] = [random.pick(['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH']), random.pick(s3Queries)];
      // Copies of parts are well-formed and answered 501: what S3 has and this server has not is not malformed.
      const names = Object.keys(s3Headers).filter((name) => !name.startsWith('x-amz-copy') || (method === 'PUT' && query === ''));
      const headers = Object.fromEntries(Array.from({ length: random.int(3) }, () => {
        const name = random.pick(names);
        return [name, random.pick(s3Headers[name] ?? ['x'])];
      }));
      return request({ method, path: s3Path(), query, service: 's3', headers, body: random.chance(50) ? xml() : Buffer.alloc(0) });
    },
    'aws-chunked': () => {
      const payload = random.pick(['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'STREAMING-X', 'UNSIGNED-PAYLOAD', '']);
      const frames = Buffer.from(random.pick(['5\r\nhello\r\n0\r\n\r\n', `5;chunk-signature=${'0'.repeat(64)}\r\nhello\r\n0;chunk-signature=${'0'.repeat(64)}\r\n\r\n`, '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n', 'zz\r\n', 'fffffffff\r\nx', '5\r\nhel', '', '0\r\n\r\nmore', '5;chunk-signature=\r\nhello']));
      return request({ method: 'PUT', path: '/fuzz/chunked', service: 's3', payload, headers: { 'content-encoding': 'aws-chunked', ...(random.chance(80) ? { 'x-amz-decoded-content-length': random.pick(['5', '0', '6', 'x', '-1']) } : {}) }, body: random.chance(30) ? damaged(random, frames) : frames });
    },
    console: () => {
      const path = random.pick(['', '/', '/session', '/session', '/api/2025-09-09/microvms', '/api', '/api//', '/logs', '/s3/', '/s3/fuzz/key', '/shell/', '/shell/microvm-00000000-0000-0000-0000-000000000000', '/assets/..%2f', '/%ff', '/%00', '/../x', '?%', `/${'a'.repeat(900)}`]);
      const headers = Array.from({ length: random.int(5) }, () => random.pick([
        `Origin: http://${host}`, 'Origin: null', 'Origin: http://[', 'Origin: x', 'Cookie: tardigrade-console=', `Cookie: tardigrade-console=${'a.'.repeat(2500)}`, 'Cookie: tardigrade-console=a.b.c.d.e; tardigrade-console=x; ;=;', 'x-tardigrade-csrf: x',
        'Accept: text/html', 'Accept-Encoding: ;q=0,,br;;', 'Sec-Fetch-Site: x', 'X-Forwarded-Proto: https, \u00e9', 'Connection: Upgrade\r\nUpgrade: websocket', 'Connection: Upgrade\r\nUpgrade: h2c', 'Sec-WebSocket-Protocol: ,', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 99',
      ]));
      const body = random.pick(['', '{}', '[]', '{"accessKeyId":1}', '{"accessKeyId":"x","secretAccessKey":"y"}', '{"accessKeyId":"x","secretAccessKey":"y","sessionToken":null}', '['.repeat(5000), 'x'.repeat(9000)]);
      return Buffer.from(`${random.pick(['GET', 'GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])} /console${path} HTTP/1.1\r\nHost: ${random.pick([host, host, 'x', ''])}\r\n${headers.map((header) => `${header}\r\n`).join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, 'latin1');
    },
    pipelined: () => Buffer.concat([Buffer.from(`GET /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`), damaged(random, operation())]),
  };
  const names = Object.keys(kinds).flatMap((name) => (name === 'operation' || name === 's3' ? [name, name, name, name] : [name]));

  return () => {
    const kind = random.pick(names);
    return { kind, bytes: kinds[kind]?.() ?? Buffer.alloc(0) };
  };
}
