/** Exit codes of every command but shell and exec, which have their program's (docs/cli.md). */
export const EXIT = {
  done: 0,
  /** What was asked for failed; the message says why. */
  failed: 1,
  /** The command line is wrong, or the server refuses a value of it. */
  usage: 2,
  /** No such image, MicroVM, log; or a name that fits several. */
  notFound: 3,
  /** Keys, signature, clock or policies. */
  denied: 4,
  /** The API or the endpoint does not answer, or is not trusted. */
  unreachable: 5,
  /** The image's or MicroVM's state does not allow it. */
  state: 6,
  /** A quota, a rate, or the host has no room. */
  limit: 7,
  buildFailed: 8,
  /** It is under way still: what was waited for did not come in time. */
  timeout: 9,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** As a shell says it of a program that SIGINT ended. */
export const INTERRUPTED = 130;
