import { errorCatalogue, isHoldfastError, type ErrorKind } from '../event/index.ts'

/** What a finished command tells the shell. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  /** Refused for safety: the folder is in use, the group is active, the store was written by a newer version. */
  refused: 4,
  unreachable: 5,
  denied: 6,
  /** What was checked is not as it should be. */
  checkFailed: 7,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

const byKind: Readonly<Record<ErrorKind, ExitCode>> = {
  input: exitCode.usage,
  missing: exitCode.notFound,
  refused: exitCode.refused,
  denied: exitCode.denied,
  damaged: exitCode.checkFailed,
  unavailable: exitCode.failed,
}

/** A failed command that knows its exit code; `next` says what to do. */
export class CliError extends Error {
  readonly exit: ExitCode
  readonly next: string | undefined

  constructor(message: string, exit: ExitCode, options: { next?: string; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.exit = exit
    this.next = options.next
  }
}

/** Refused connections and unknown hosts, also inside what `fetch` and `pg` wrap around them. */
const unreachable = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EHOSTUNREACH', 'ETIMEDOUT'])

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exit
  if (isHoldfastError(error)) {
    const { kind } = errorCatalogue[error.code]
    return kind === undefined ? exitCode.failed : byKind[kind]
  }
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (unreachable.has(String((cause as NodeJS.ErrnoException).code))) return exitCode.unreachable
  }
  return exitCode.failed
}
