/** Connections to a guest whose first packets are lost: sockets that never connect stand for those. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { dialGuest } from '../../../src/engine/qemu/dial.js';

describe('dialGuest', () => {
  const server = createServer((socket) => socket.on('error', () => undefined).end('hello')); // a client that went away
  let port: number;
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  after(() => server.close());

  it('connects', async () => {
    const socket = await dialGuest('127.0.0.1', port);
    assert.equal(String((await once(socket, 'data'))[0]), 'hello');
    socket.destroy();
  });

  it('takes the first connection that is up and ends the others', async () => {
    const opened: Socket[] = [];
    const socket = await dialGuest('', 0, undefined, () => {
      opened.push(opened.length < 2 ? new Socket() : connect(port, '127.0.0.1'));
      return opened.at(-1) ?? assert.fail();
    });
    assert.equal(opened.indexOf(socket), 2);
    assert.deepEqual(opened.map((one) => one.destroyed), [true, true, false]);
    socket.destroy();
  });

  it('rejects at once when the guest refuses', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const free = (other.address() as AddressInfo).port;
    other.close();
    await once(other, 'close');
    await assert.rejects(dialGuest('127.0.0.1', free), { code: 'ECONNREFUSED' });
  });

  it('rejects when aborted, before and while it tries, and leaves no socket', async () => {
    await assert.rejects(dialGuest('127.0.0.1', port, AbortSignal.abort()), /dial aborted/);
    const opened: Socket[] = [];
    const abort = new AbortController();
    const dialing = dialGuest('', 0, abort.signal, () => {
      opened.push(new Socket());
      queueMicrotask(() => abort.abort());
      return opened.at(-1) ?? assert.fail();
    });
    await assert.rejects(dialing, /dial aborted/);
    assert.deepEqual(opened.map((one) => one.destroyed), [true]);
  });
});
