import { isHoldfastError, RESERVED_TOPIC_PREFIX, type Clock, type Logger } from '../event/index.ts'
import type { Log } from '../log/index.ts'

export type CollectorReadiness =
  /** `note`: what there is to say of it all the same. */
  | { readonly ready: true; readonly note?: string | undefined }
  /** One sentence that says why not. */
  | { readonly ready: false; readonly reason: string }

export interface Readiness {
  /** Ready only when an append was made durable a moment ago and none failed since; makes one if nobody else did. */
  ready(): Promise<CollectorReadiness>
  /** Every append of the collector reports here; undefined is a success. */
  readonly appended: (failure: unknown) => void
}

/** What shows that events are taken and kept. */
export interface ReadinessProof {
  /** Makes something durable; rejects with why not. Answers what there is to say of it, if anything. */
  prove(): Promise<string | undefined>
}

/** Records of the collector's own that prove that a log takes and keeps something. */
export function logProof(log: Log): ReadinessProof {
  let created = false
  return {
    async prove() {
      if (!created) await log.topics.create(READY_TOPIC, { partitions: 1, retentionMs: 3_600_000 })
      created = true
      await log.append(READY_TOPIC, [{ value: null, headers: {} }])
      return undefined
    },
  }
}

export const READY_TOPIC: string = `${RESERVED_TOPIC_PREFIX}ready`
/** How old the last durable append may be, and how long a failed one is held against the log. */
const FRESH_MS = 2_000
/** How long the proof may take. */
const PROOF_TIMEOUT_MS = 3_000

export function readiness(by: ReadinessProof, clock: Clock, logger: Logger): Readiness {
  let durableAt = -Infinity
  let failedAt = -Infinity
  /** Why the log takes no events; kept for a while after the last failure, so that a log at its limit does not flicker. */
  let reason: string | undefined
  let note: string | undefined
  let proof: Promise<CollectorReadiness> | undefined

  const appended = (failure: unknown): void => {
    const now = clock.monotonic()
    if (failure === undefined) {
      durableAt = now
      if (reason === undefined || now - failedAt < FRESH_MS) return
      reason = undefined
      logger.info({}, 'the log takes events again')
      return
    }
    failedAt = now
    if (reason === undefined) {
      logger.warn({ reason: sentence(failure) }, 'the log does not take events: they are answered 503')
    }
    reason = sentence(failure)
  }

  const prove = async (): Promise<CollectorReadiness> => {
    const late = Promise.withResolvers<'late'>()
    const cancel = clock.after(PROOF_TIMEOUT_MS, () => late.resolve('late'))
    try {
      const proving = by.prove()
      proving.catch(() => {}) // when it is late, nobody waits for it any more
      const answer = await Promise.race([proving.then(said => ({ said })), late.promise])
      if (answer === 'late') throw new Error(`an append was not durable within ${PROOF_TIMEOUT_MS} ms`)
      appended(undefined)
      note = answer.said
      return { ready: true, note }
    } catch (error) {
      appended(error)
      return { ready: false, reason: sentence(error) }
    } finally {
      cancel()
    }
  }

  return {
    appended,
    async ready() {
      const now = clock.monotonic()
      // A small proof may still fit where the events of a moment ago did not.
      if (reason !== undefined && now - failedAt < FRESH_MS) return { ready: false, reason }
      if (now - durableAt < FRESH_MS) return { ready: true }
      // One proof at a time, however many ask.
      proof ??= prove().finally(() => (proof = undefined))
      return await proof
    },
  }
}

function sentence(error: unknown): string {
  if (isHoldfastError(error)) return error.message
  return error instanceof Error ? error.message : String(error)
}
