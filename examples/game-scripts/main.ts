/** A match of four players' scripts, of which three play foul, in a MicroVM of its own that reaches nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { example } from '../client/example.js';
import { connect } from '../client/socket.js';

const SCRIPTS = {
  runner: 'def move(view):\n    return 1',
  sleeper: 'def move(view):\n    while True: pass',
  caller: 'import socket\ndef move(view):\n    socket.create_connection(("203.0.113.10", 80), 1)\n    return 1',
  thief: 'import os\ndef move(view):\n    os.kill(os.getppid(), 9)\n    return 1',
};

interface Message { readonly turn?: number; readonly positions?: Record<string, number>; readonly winner?: string | null; readonly out?: Record<string, string> }

await example('game-scripts', async (it) => {
  await it.build('game-scripts', { port: 8080 });
  const vm = await it.run({
    maximumDurationInSeconds: 600, egressNetworkConnectors: [`arn:aws:lambda:${it.region}:tardigrade:network-connector:tardigrade-network-connector:NO_EGRESS`],
  });
  const socket = await connect(vm, '/match');
  const messages: Message[] = [];
  const over = new Promise<void>((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      messages.push(message);
      if (message.out !== undefined) resolve();
    });
    socket.once('close', () => reject(new Error('the match broke off')));
  });
  it.say('the scripts are sent');
  socket.send(JSON.stringify(SCRIPTS));
  await over;
  const { winner, out } = messages.at(-1) ?? {};
  it.say(`after ${messages.length - 1} turns: winner ${winner ?? 'none'}, out ${JSON.stringify(out)}`);
  assert.equal(winner, 'runner');
  assert.deepEqual(messages.at(-2)?.positions, { runner: 10, sleeper: 0, caller: 0, thief: 0 });
  assert.deepEqual(Object.keys(out ?? {}).sort(), ['caller', 'sleeper', 'thief']);
  assert.equal(out?.['sleeper'], 'took too long');
  assert.match(out['thief'] ?? '', /PermissionError/);
  const closed = once(socket, 'close');
  socket.close();
  await closed;
});
