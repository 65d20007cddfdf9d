import {
  errorCatalogue,
  HoldfastError,
  isErrorCode,
  isHoldfastError,
  type ErrorKind,
} from '../../event/index.ts'
import type { Problem } from './shape.ts'

/** What a refused or failed operation is answered with, by RFC 9457. */
export interface ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly advice: string
  /** Which fields of the input, where it is about the input. */
  readonly errors?: readonly Problem[]
}

const statusOf: Readonly<Record<ErrorKind, number>> = {
  input: 400,
  missing: 404,
  refused: 409,
  denied: 403,
  damaged: 500,
  unavailable: 503,
}

/** Something wrong with the input that its shape cannot say. `field`: a JSON pointer; empty for the input as a whole. */
export function wrongInput(field: string, message: string, detail = message): HoldfastError {
  const problems: readonly Problem[] = [{ field, message }]
  return new HoldfastError('INPUT_INVALID', { detail, facts: { problems } })
}

export function problemOf(error: unknown): ProblemDetails {
  const known = isHoldfastError(error)
    ? error
    : new HoldfastError('OPERATION_FAILED', {
        detail: error instanceof Error ? error.message : String(error),
        cause: error,
      })
  const { message, advice, kind } = errorCatalogue[known.code]
  const { problems } = known.facts as { problems?: readonly Problem[] }
  return {
    type: `urn:holdfast:error:${known.code}`,
    title: message,
    status: kind === undefined ? 500 : statusOf[kind],
    detail: known.detail,
    code: known.code,
    advice,
    ...(problems && { errors: problems }),
  }
}

/** The error that a problem was made of. A code of a newer version is a plain failure here. */
export function errorOf({ code, detail, title, errors }: ProblemDetails): HoldfastError {
  return isErrorCode(code)
    ? new HoldfastError(code, { detail, facts: errors ? { problems: errors } : {} })
    : new HoldfastError('OPERATION_FAILED', { detail: `${code}: ${title}: ${detail}` })
}
