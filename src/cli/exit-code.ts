import { isHoldfastError, type ErrorCode } from '../event/index.ts'

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

const byError: Partial<Record<ErrorCode, ExitCode>> = {
  CONFIG_INVALID: exitCode.usage,
  LOG_TOPIC_UNKNOWN: exitCode.notFound,
  LETTER_UNKNOWN: exitCode.notFound,
  LETTER_CHANGED: exitCode.refused,
  LETTER_NOT_EDITABLE: exitCode.refused,
  LOG_IN_USE: exitCode.refused,
  LOG_VERSION: exitCode.refused,
  SINK_VERSION: exitCode.refused,
  GROUP_ACTIVE: exitCode.refused,
  LOG_CORRUPT: exitCode.checkFailed,
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
  if (isHoldfastError(error)) return byError[error.code] ?? exitCode.failed
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (unreachable.has(String((cause as NodeJS.ErrnoException).code))) return exitCode.unreachable
  }
  return exitCode.failed
}
