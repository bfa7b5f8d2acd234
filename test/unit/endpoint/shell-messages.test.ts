import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { awsFraming, sessionFraming } from '../../../src/endpoint/shell/framing.js';
import { parseControl, parseResize, parseStart } from '../../../src/endpoint/shell/messages.js';

const side = fc.integer({ min: 0, max: 65_535 });

test('a resize is taken from its exact form, all else is typed', () => {
  fc.assert(fc.property(side, side, (cols, rows) => assert.deepEqual(parseResize(JSON.stringify({ type: 'resize', cols, rows })), { cols, rows })));
  for (const typed of ['', '{', 'ls\n', ' {"type":"resize","cols":1,"rows":1}', '[]', '{"type":"resize"}', '{"type":"resize","cols":-1,"rows":1}',
    '{"type":"resize","cols":1.5,"rows":1}', '{"type":"resize","cols":65536,"rows":1}', '{"type":"resize","cols":"1","rows":1}', '{"type":"other","cols":1,"rows":1}']) {
    assert.deepEqual(awsFraming.input(Buffer.from(typed), false), { type: 'bytes', bytes: Buffer.from(typed) }, typed);
  }
  const resize = Buffer.from('{"type":"resize","cols":1,"rows":2}');
  assert.deepEqual(awsFraming.input(resize, false), { type: 'resize', cols: 1, rows: 2 });
  assert.deepEqual(awsFraming.input(resize, true), { type: 'bytes', bytes: resize }, 'binary is keystrokes');
});

test('the extension starts only what it knows', () => {
  const started: [message: object, spec: object][] = [
    [{ run: 'shell' }, { kind: 'shell', env: undefined, size: undefined }],
    [{ run: 'shell', env: { A: 'b' }, size: { cols: 1, rows: 2 } }, { kind: 'shell', env: { A: 'b' }, size: { cols: 1, rows: 2 } }],
    [{ run: 'exec', args: ['ls', '-l'] }, { kind: 'exec', args: ['ls', '-l'], env: undefined, cwd: undefined, user: undefined, terminal: undefined }],
    [{ run: 'pack', path: '/a' }, { kind: 'pack', path: '/a' }],
    [{ run: 'unpack', path: '/a' }, { kind: 'unpack', path: '/a' }],
  ];
  for (const [message, spec] of started) assert.deepEqual(parseStart(JSON.stringify({ type: 'start', ...message })), { spec });
  const refused: unknown[] = [
    undefined, [], { type: 'start' }, { type: 'begin', run: 'shell' }, { type: 'start', run: 'reboot' }, { type: 'start', run: 'exec' }, { type: 'start', run: 'exec', args: [] },
    { type: 'start', run: 'exec', args: ['a\0b'] }, { type: 'start', run: 'exec', args: ['x'], env: { '': 'x' } }, { type: 'start', run: 'exec', args: ['x'], env: { 'A=B': 'x' } },
    { type: 'start', run: 'exec', args: ['x'], device: '/dev/vda' }, { type: 'start', run: 'exec', args: ['x'], terminal: { cols: 70_000, rows: 1 } },
    { type: 'start', run: 'pack', path: 'relative' }, { type: 'start', run: 'pack' }, { type: 'start', run: 'pack', path: '/a\0' }, { type: 'start', run: 'shell', args: ['x'] },
  ];
  for (const message of refused) assert.ok('wrong' in parseStart(message === undefined ? 'nonsense' : JSON.stringify(message)), JSON.stringify(message));
});

test('controls of the extension', () => {
  assert.deepEqual(parseControl('{"type":"eof"}'), { type: 'eof' });
  assert.deepEqual(parseControl('{"type":"signal","name":"RTMIN+3"}'), { type: 'signal', name: 'RTMIN+3' });
  for (const bad of ['{"type":"signal"}', '{"type":"signal","name":""}', '{"type":"signal","name":"int"}', '{"type":"signal","name":"AAAAAAAAAAAAAAAAA"}', '{"type":"start","run":"shell"}', 'ls']) {
    assert.equal(parseControl(bad), undefined, bad);
    assert.equal(sessionFraming.input(Buffer.from(bad), false).type, 'invalid');
  }
});

test('no message breaks a parser', () => {
  const nearly = fc.oneof(
    fc.string(), fc.json(), fc.uint8Array().map((bytes) => Buffer.from(bytes).toString()),
    fc.dictionary(fc.constantFrom('type', 'run', 'args', 'env', 'cols', 'rows', 'size', 'terminal', 'path', 'name', '__proto__', 'constructor'), fc.oneof(fc.constantFrom('start', 'resize', 'shell', 'exec', 'pack', 'signal'), fc.jsonValue())).map((value) => JSON.stringify(value)),
  );
  fc.assert(fc.property(nearly, (message) => {
    const resize = parseResize(message);
    assert.ok(resize === undefined || (Number.isInteger(resize.cols) && resize.cols >= 0 && resize.rows <= 65_535));
    parseControl(message);
    const start = parseStart(message);
    assert.ok('spec' in start || typeof start.wrong === 'string');
  }), { numRuns: 20_000 });
});
