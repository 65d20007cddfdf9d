import { sleep, type Clock } from '../../event/index.ts'
import type { Place } from './storage.ts'

/** Who waits for new records, and what wakes them. */
export class Changes {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #closed = new AbortController()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get closed(): boolean {
    return this.#closed.signal.aborted
  }

  /** Resolves at the next change of the partition, after `ms`, or at an abort. Sometimes also for nothing. */
  async next(place: Place, ms: number, signal: AbortSignal): Promise<void> {
    const id = idOf(place)
    let waiting = this.#waiting.get(id)
    if (waiting === undefined) this.#waiting.set(id, (waiting = new Set()))
    const changed = new AbortController()
    const wake = (): void => changed.abort()
    waiting.add(wake)
    await sleep(this.#clock, ms, AbortSignal.any([signal, changed.signal, this.#closed.signal]))
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
    this.#closed.abort()
  }
}

const idOf = ({ topicId, partition }: Place): string => `${topicId}/${partition}`
