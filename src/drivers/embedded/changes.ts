import type { Clock } from '../../event/index.ts'
import type { Place } from './storage.ts'

/** Who waits for new records, and what wakes them. */
export class Changes {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<() => void>>()
  #isClosed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get closed(): boolean {
    return this.#isClosed
  }

  /**
   * Resolves at the next change of the partition, after `ms`, or at an abort. Sometimes also for nothing. A reader that
   * keeps up waits once for each event, and a signal that is made of signals for each costs more than reading it.
   */
  async next(place: Place, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || signal.aborted) return
    const id = idOf(place)
    const waiting = this.#waiting.get(id) ?? new Set()
    this.#waiting.set(id, waiting)
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    waiting.add(wake)
    signal.addEventListener('abort', wake, { once: true })
    const cancel = this.#clock.after(ms, wake)
    await promise
    cancel()
    signal.removeEventListener('abort', wake)
    waiting.delete(wake)
  }

  /** New records of this process: only their readers are woken. */
  wake(place: Place): void {
    for (const wake of this.#waiting.get(idOf(place)) ?? []) wake()
  }

  /** Another process wrote, and what is not said: all look. */
  wakeAll(): void {
    for (const waiting of this.#waiting.values()) for (const wake of waiting) wake()
  }

  close(): void {
    this.#isClosed = true
    this.wakeAll()
  }
}

const idOf = ({ topicId, partition }: Place): string => `${topicId}/${partition}`
