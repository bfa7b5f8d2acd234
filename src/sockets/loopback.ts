/** `*.localhost` is this host by definition (RFC 6761), whether its resolver knows or not. */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

export const loopback: LookupFunction = (name, options, done) => {
  if (!name.endsWith('.localhost')) return lookup(name, options, done);
  if (options.all === true) return done(null, [{ address: '127.0.0.1', family: 4 }]);
  done(null, '127.0.0.1', 4);
};
