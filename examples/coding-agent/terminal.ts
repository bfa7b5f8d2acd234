/** A shell in a MicroVM, for a program: what a command printed, and its exit code. */
import { once } from 'node:events';
import type { WebSocket } from 'ws';
import { connect } from '../client/socket.js';
import type { Vm } from '../client/example.js';

export interface Terminal {
  run(command: string): Promise<{ readonly output: string; readonly code: number }>;
  close(): Promise<void>;
}

export async function openTerminal(vm: Vm): Promise<Terminal> {
  const socket = await connect(vm, '/shell', 'shell');
  let received = '';
  socket.on('message', (data: Buffer, binary) => {
    if (binary) received += data.toString();
  });
  const terminal: Terminal = {
    run: async (command) => {
      const mark = `done-${Math.random().toString(36).slice(2)}`;
      received = '';
      // The mark is put together by the shell: the echo of what is typed does not have it.
      socket.send(`${command}\nprintf '\\n%s:%d\\n' ${mark.slice(0, 5)}''${mark.slice(5)} $?\n`);
      const end = new RegExp(`\\r?\\n${mark}:(\\d+)\\r?\\n`);
      await until(socket, () => end.test(received));
      const found = end.exec(received);
      return { output: received.slice(0, found?.index).replaceAll('\r\n', '\n'), code: Number(found?.[1]) };
    },
    close: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
  // No echo, no prompt, no pager, no colours, no marks around what is pasted: a program reads along.
  await terminal.run("stty -echo; bind 'set enable-bracketed-paste off'; export PS1= PS2= TERM=dumb GIT_PAGER=cat");
  return terminal;
}

async function until(socket: WebSocket, condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (socket.readyState !== socket.OPEN) throw new Error('the shell is gone');
    const over = new AbortController();
    await Promise.race([once(socket, 'message', { signal: over.signal }), once(socket, 'close', { signal: over.signal })]);
    over.abort();
  }
}
