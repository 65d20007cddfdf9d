import { createHash } from 'node:crypto'
import { isHoldfastError } from '../event/index.ts'

/** An error as it is kept with a letter: words and stack, capped, without the row values that databases put into details. */
export interface Failure {
  readonly name: string
  readonly code: string | undefined
  readonly message: string
  readonly stack: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

const MAX_MESSAGE = 1_000
const MAX_STACK = 4_000

/** Only name, code, message and stack are read: `detail`, `where` and parameters of a database error stay out. */
export function describeFailure(error: unknown, at: number): Failure {
  const e = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as {
    name?: unknown
    code?: unknown
    message?: unknown
    stack?: unknown
  }
  return {
    name: typeof e.name === 'string' ? e.name.slice(0, 100) : 'Error',
    code: typeof e.code === 'string' ? e.code.slice(0, 100) : undefined,
    message: (typeof e.message === 'string' ? e.message : String(error)).slice(0, MAX_MESSAGE),
    stack: typeof e.stack === 'string' ? e.stack.slice(0, MAX_STACK) : undefined,
    at,
  }
}

/**
 * The same for errors of one cause: class or code, the message without its numbers, ids and quoted values, and the
 * first frame outside node_modules and Node itself.
 */
export function fingerprintOf(reason: string, failure: Failure): string {
  const message = failure.message
    .replaceAll(/"[^"]*"|'[^']*'/g, '…')
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f-]{27,}\b/gi, '…')
    .replaceAll(/\d+/g, '#')
  const frame =
    failure.stack?.split('\n').find(line => /^\s+at /.test(line) && !/node:|node_modules/.test(line)) ?? ''
  const place = frame.replaceAll(/:\d+/g, '').trim()
  const text = [reason, failure.code ?? failure.name, message, place].join('\n')
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/** One line for logs and messages. */
export function failureText(error: unknown): string {
  if (isHoldfastError(error)) return `${error.code}: ${error.message}`
  const { name, code, message } = describeFailure(error, 0)
  return `${code ?? name}: ${message}`
}
