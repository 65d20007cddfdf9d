/** What a request that failed has left behind: the caller can only act rightly when it is told. */
export type Failure =
  /** It can never succeed as it is, and left nothing. */
  | 'invalid'
  /** It left nothing. */
  | 'not_stored'
  /** It may have left something; nobody can say. Sending it again with the same id settles it. */
  | 'unknown'

export class RequestFailed extends Error {
  readonly failure: Failure

  constructor(failure: Failure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}

const statusOf: Readonly<Record<Failure, number>> = { invalid: 422, not_stored: 503, unknown: 504 }

/** The answer to a request that ended in `error`. */
export function answerOf(error: unknown): {
  readonly status: number
  readonly body: { readonly code: Failure; readonly detail: string }
} {
  const detail = error instanceof Error ? error.message : String(error)
  const failure =
    error instanceof RequestFailed ? error.failure : isOfTheRequest(error) ? 'invalid' : 'unknown'
  return { status: statusOf[failure], body: { code: failure, detail } }
}

/** Fastify's own: a body that is no JSON, or too large. */
function isOfTheRequest(error: unknown): boolean {
  const { statusCode } = error as { statusCode?: number }
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500
}
