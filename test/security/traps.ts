/** Listeners on the host that count who reaches them. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Nothing of a hostile guest may reach these. They listen on all addresses of the host. */
export interface Traps {
  readonly hits: string[];
  readonly ports: number[];
  readonly udpPort: number;
  close(): Promise<void>;
}

export async function setTraps(): Promise<Traps> {
  const hits: string[] = [];
  const tcp = createServer((socket) => {
    hits.push(`TCP from ${socket.remoteAddress ?? '?'}`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => tcp.listen(0, '::', resolve));
  const udp = createSocket({ type: 'udp6' }, (message, from) => {
    hits.push(`UDP from ${from.address}`);
    udp.send(message, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(0, '::', resolve));
  return {
    hits, ports: [(tcp.address() as { port: number }).port], udpPort: udp.address().port,
    close: async () => {
      await new Promise((resolve) => tcp.close(resolve));
      await new Promise<void>((resolve) => udp.close(resolve));
    },
  };
}
