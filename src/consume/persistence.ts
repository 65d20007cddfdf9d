import { isHoldfastError, partitionId, sleep } from '../event/index.ts'
import type { TopicPartition } from '../event/index.ts'
import { failureText } from '../recover/index.ts'
import type { GroupContext } from './group-context.ts'

/** Between tries of what failed. */
const RETRY_MS = 1_000

/** What is so will stay so. */
const hopeless: ReadonlySet<string> = new Set([
  'LOG_CORRUPT',
  'LOG_VERSION',
  'LOG_CLOSED',
  'LOG_RECORD_TOO_LARGE',
  'OFFSET_OUT_OF_RANGE',
  'EVENT_UNDECODABLE',
  'INTERNAL',
])

/** Tries again what a partition cannot go on without, until it succeeds or the owner is over. */
export class Persistence {
  readonly #context: GroupContext
  readonly #of: TopicPartition
  readonly #signal: AbortSignal

  constructor(context: GroupContext, of: TopicPartition, signal: AbortSignal) {
    this.#context = context
    this.#of = of
    this.#signal = signal
    signal.addEventListener('abort', () => context.troubles.givenUp(this), { once: true })
  }

  /** Undefined when the owner is over. Throws what no trying mends. */
  async until<T>(trouble: string, what: () => Promise<T>): Promise<T | undefined> {
    while (!this.#signal.aborted) {
      try {
        const answer = await what()
        this.worked(trouble)
        return answer
      } catch (error) {
        await this.failed(trouble, error)
      }
    }
    return undefined
  }

  /** Says so, once for the group, and waits for a while before the next try. Throws what no trying mends. */
  async failed(trouble: string, error: unknown): Promise<void> {
    if (this.#signal.aborted) return
    if (isHoldfastError(error) && hopeless.has(error.code)) throw error
    const facts = { partition: partitionId(this.#of), error: failureText(error) }
    this.#context.troubles.met(trouble, this, facts)
    await this.pause()
  }

  /** What {@link failed} was said of is over. */
  worked(trouble: string): void {
    this.#context.troubles.over(trouble, this)
  }

  pause(): Promise<void> {
    return sleep(this.#context.clock, RETRY_MS, this.#signal)
  }
}
