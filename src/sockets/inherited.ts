/**
 * Listening sockets that the service manager opened and keeps across restarts of the daemon, so that connections made
 * meanwhile wait for the next one: LISTEN_FDS of sd_listen_fds(3).
 */

/** Descriptors are passed from here on, in the order of their names. */
const FIRST_FD = 3;

/** The descriptor with that name (FileDescriptorName= in the socket unit). undefined: none was passed to this process. */
export function inheritedSocket(name: string, env: NodeJS.ProcessEnv = process.env, pid: number = process.pid): number | undefined {
  // Variables outlive an exec and a fork: they are for the one process they name.
  if (env['LISTEN_PID'] !== String(pid)) return undefined;
  const count = Number(env['LISTEN_FDS'] ?? '0');
  const index = (env['LISTEN_FDNAMES'] ?? '').split(':').indexOf(name);
  return index >= 0 && index < count ? FIRST_FD + index : undefined;
}
