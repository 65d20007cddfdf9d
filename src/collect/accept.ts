import type { Clock } from '../event/index.ts'
import type { IncomingEvent } from './read-event.ts'
import type { Problem } from './problems.ts'

/**
 * The one question that may be asked of something else before an event is taken: a quota, a blocked account. It is on
 * the sender's way, so it has a short deadline, and what happens without an answer is decided beforehand.
 */
export interface AcceptCheck {
  /** Must settle soon after `signal` aborts; its answer is not waited for then. */
  readonly check: (
    event: AcceptQuestion,
    options: { readonly signal: AbortSignal },
  ) => AcceptVerdict | Promise<AcceptVerdict>
  /** Defaults to 200 ms. */
  readonly deadlineMs?: number
  /** What an exception or a missed deadline means: the event is answered 503 `not_stored`, or taken unasked. */
  readonly onFailure: 'refuse' | 'take'
}

export interface AcceptQuestion extends Pick<
  IncomingEvent,
  'id' | 'type' | 'source' | 'time' | 'subject' | 'data'
> {
  readonly tenant: string
  readonly topic: string
}

export type AcceptVerdict =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'refuse'
      readonly status: 403 | 409 | 422
      /** The check's own code, shown to the sender as `reason`. */
      readonly reason: string
      readonly detail: string
    }

const codeOf = { 403: 'event_forbidden', 409: 'event_conflict', 422: 'event_refused' } as const

export const DEFAULT_ACCEPT_DEADLINE_MS = 200

/** The refusal of an event, undefined when it is taken. Never rejects. */
export async function askAccept(
  { check, deadlineMs = DEFAULT_ACCEPT_DEADLINE_MS, onFailure }: AcceptCheck,
  question: AcceptQuestion,
  clock: Clock,
): Promise<Problem | undefined> {
  const abort = new AbortController()
  const late = Promise.withResolvers<'late'>()
  const cancel = clock.after(deadlineMs, () => {
    late.resolve('late')
    abort.abort()
  })
  try {
    const asked = Promise.resolve(check(question, { signal: abort.signal }))
    asked.catch(() => {}) // after the deadline nobody waits for it any more
    const verdict = await Promise.race([asked, late.promise])
    if (verdict === 'late') return failed(onFailure, `gave no answer within ${deadlineMs} ms`)
    if (verdict.kind === 'ok') return undefined
    return { code: codeOf[verdict.status], detail: verdict.detail, facts: { reason: verdict.reason } }
  } catch {
    return failed(onFailure, 'failed')
  } finally {
    cancel()
  }
}

function failed(onFailure: AcceptCheck['onFailure'], what: string): Problem | undefined {
  return onFailure === 'take'
    ? undefined
    : { code: 'not_stored', detail: `the check that decides about events of this topic ${what}` }
}
