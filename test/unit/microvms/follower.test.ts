import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GuestEvents } from '../../../src/guest/contracts.js';
import { Follower } from '../../../src/microvms/follower.js';
import { FakeClock, until } from './fakes.js';

interface Connection {
  readonly after: number;
  readonly events: GuestEvents;
  closed: boolean;
  end(): void;
}

/** An agent that takes connections; the next ones are refused while `refusing`. */
class Agent {
  readonly connections: Connection[] = [];
  tries = 0;
  refusing = false;
  follow(after: number, events: GuestEvents): Promise<{ close(): void; ended: Promise<void> }> {
    this.tries++;
    if (this.refusing) return Promise.reject(new Error('refused'));
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const connection: Connection = { after, events, closed: false, end };
    this.connections.push(connection);
    return Promise.resolve({ close: () => { connection.closed = true; end(); }, ended });
  }
}

describe('follower', () => {
  const setUp = (): { agent: Agent; clock: FakeClock; follower: Follower; seen: string[] } => {
    const agent = new Agent();
    const clock = new FakeClock();
    const seen: string[] = [];
    let last = 0;
    const quiet = (): void => undefined;
    const follower = new Follower(
      agent,
      {
        onLog: (line) => { last = line.seq; seen.push(line.text); },
        onExit: (code) => seen.push(`exit ${code}`),
      },
      () => last, clock, { debug: quiet, info: quiet, warn: quiet, error: quiet },
    );
    return { agent, clock, follower, seen };
  };
  const line = (seq: number): Parameters<GuestEvents['onLog']>[0] => ({ seq, time: 0, stream: 'stdout', text: `line ${seq}` });

  it('comes back after the last line when the connection ends', async () => {
    const { agent, clock, follower } = setUp();
    agent.connections[0]?.events.onLog(line(5));
    agent.refusing = true;
    agent.connections[0]?.end();
    await until(() => clock.waiting === 1, 'waiting');
    clock.advance(100);
    await until(() => agent.tries === 2 && clock.waiting === 1, 'second try');
    agent.refusing = false;
    clock.advance(100);
    assert.equal(agent.tries, 2, 'the wait grows');
    clock.advance(100);
    await until(() => agent.connections.length === 2, 'connected again');
    assert.equal(agent.connections[1]?.after, 5);
    follower.close();
  });

  it('gives no event and makes no try after close', async () => {
    const { agent, clock, follower, seen } = setUp();
    await new Promise(setImmediate);
    follower.close();
    assert.equal(agent.connections[0]?.closed, true);
    agent.connections[0].events.onLog(line(1));
    agent.connections[0].events.onExit(0);
    await new Promise(setImmediate);
    assert.deepEqual(seen, []);
    assert.equal(clock.waiting, 0);
  });

  it('ends with the application, and tells of its exit once', async () => {
    const { agent, clock, seen } = setUp();
    agent.connections[0]?.events.onExit(3);
    agent.connections[0]?.events.onExit(3);
    agent.connections[0]?.end();
    await new Promise(setImmediate);
    assert.deepEqual(seen, ['exit 3']);
    assert.equal(clock.waiting, 0);
    assert.equal(agent.tries, 1);
  });
});
