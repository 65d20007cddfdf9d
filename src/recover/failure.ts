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

/** In a few words, where there is no room for more. */
export function shortened(failure: Failure): Failure {
  return { ...failure, message: failure.message.slice(0, 100), stack: undefined }
}

/** One line for logs and messages. */
export function failureText(error: unknown): string {
  if (isHoldfastError(error)) return `${error.code}: ${error.message}`
  const { name, code, message } = describeFailure(error, 0)
  return `${code ?? name}: ${message}`
}
