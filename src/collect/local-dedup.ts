import type { Clock } from '../event/index.ts'
import type { AppendOutcome, AppendRecord, DedupKey } from '../log/index.ts'
import type { Appender, Taken } from './appender.ts'
import type { Problem } from './problems.ts'

/**
 * Recognises ids that came to this collector a short while ago, for a log that does not. What comes later than that, or
 * to another collector, is taken again, and its effects happen once all the same: the inbox of the groups knows the id.
 */
export function localDedup(inner: Appender, clock: Clock): Appender {
  const ids = new RecentIds(clock)

  const append: Appender['append'] = async (topic, records, lease) => {
    const answers: (Taken | Problem | undefined)[] = Array.from({ length: records.length })
    const fresh: {
      readonly index: number
      readonly record: AppendRecord
      readonly first: First | undefined
    }[] = []
    const again: {
      readonly index: number
      readonly record: AppendRecord
      readonly key: DedupKey
      readonly first: First
    }[] = []
    for (const [index, record] of records.entries()) {
      const key = record.dedup
      const first = key && ids.find(key)
      if (key && first) again.push({ index, record, key, first })
      else fresh.push({ index, record, first: key && ids.add(key) })
    }
    const outcomes =
      fresh.length === 0
        ? []
        : await inner.append(
            topic,
            fresh.map(({ record }) => record),
            lease,
          )
    for (const [i, { index, record, first }] of fresh.entries()) {
      const outcome = outcomes[i]
      answers[index] = outcome
      if (!first || !record.dedup) continue
      const taken = outcome && !('code' in outcome) ? outcome : undefined
      // Not taken, or nobody knows: whoever sends it again sends it for the first time.
      if (!taken) ids.forget(record.dedup, first)
      first.settle(taken)
    }
    for (const { index, record, key, first } of again) {
      const taken = await first.taken
      answers[index] = taken ? secondOf(taken, first, key) : (await append(topic, [record], lease))[0]
    }
    return answers.map(answer => answer ?? NO_OUTCOME)
  }

  return { append, close: () => inner.close() }
}

/** What `GET /v1/limits` says of it. */
export function dedupFacts(dedup: 'log' | 'local'): Record<string, unknown> {
  return dedup === 'log' ? { dedup } : { dedup, dedupWindowMs: WINDOW_MS, dedupMaxIds: MAX_IDS }
}

const WINDOW_MS = 10 * 60_000
/** Some 40 MB; under more load than 166 chosen ids a second the window is shorter. */
const MAX_IDS = 100_000

const NO_OUTCOME: Problem = { code: 'outcome_unknown', detail: 'the log gave no outcome' }

function secondOf(taken: Taken, { hash }: First, key: DedupKey): Taken {
  const { position } = taken
  if (hash !== hashOf(key)) return { kind: 'conflict', position }
  return taken.kind === 'spooled'
    ? { kind: 'spooled', position, isDuplicate: true }
    : ({ kind: 'duplicate', position } satisfies AppendOutcome)
}

/** The first event with an id. */
interface First {
  readonly hash: string
  readonly at: number
  /** What became of it; undefined when it was not taken. */
  readonly taken: Promise<Taken | undefined>
  settle(taken: Taken | undefined): void
}

/** Oldest first, because that is how they were added. */
class RecentIds {
  readonly #clock: Clock
  readonly #firsts = new Map<string, First>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  find(key: DedupKey): First | undefined {
    this.#expire()
    return this.#firsts.get(nameOf(key))
  }

  add(key: DedupKey): First {
    const { promise, resolve } = Promise.withResolvers<Taken | undefined>()
    const first = { hash: hashOf(key), at: this.#clock.monotonic(), taken: promise, settle: resolve }
    this.#firsts.set(nameOf(key), first)
    return first
  }

  forget(key: DedupKey, first: First): void {
    const name = nameOf(key)
    if (this.#firsts.get(name) === first) this.#firsts.delete(name)
  }

  #expire(): void {
    const before = this.#clock.monotonic() - WINDOW_MS
    for (const [name, { at }] of this.#firsts) {
      if (at > before && this.#firsts.size < MAX_IDS) return
      this.#firsts.delete(name)
    }
  }
}

/** Unambiguous whatever the parts hold. */
function nameOf({ scope, source, id }: DedupKey): string {
  return JSON.stringify([scope, source, id])
}

function hashOf({ hash }: DedupKey): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('base64')
}
