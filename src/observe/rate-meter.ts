import type { Clock } from '../event/index.ts'

const SLOT_MS = 1_000

/**
 * Events per second over the last full `seconds`, for people who look at a page. Counters for machines are in the
 * metrics; a rate kept here needs no second scrape.
 */
export class RateMeter {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #seconds: number
  /** One count for each second, plus the one that is being filled; `#slotOf` says which second a slot holds. */
  readonly #counts: number[]
  readonly #slotOf: number[]
  readonly #began: number

  constructor(clock: Pick<Clock, 'monotonic'>, seconds = 10) {
    this.#clock = clock
    this.#seconds = seconds
    this.#counts = Array.from({ length: seconds + 1 }, () => 0)
    this.#slotOf = Array.from({ length: seconds + 1 }, () => -1)
    this.#began = this.#second()
  }

  count(events: number): void {
    const second = this.#second()
    const slot = second % this.#counts.length
    if (this.#slotOf[slot] !== second) {
      this.#slotOf[slot] = second
      this.#counts[slot] = 0
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + events
  }

  /** Over fewer seconds right after the start, so that a young process does not look idle. */
  perSecond(): number {
    const now = this.#second()
    const full = Math.min(this.#seconds, now - this.#began)
    if (full === 0) return 0
    const sum = this.#counts.reduce((total, count, slot) => {
      const second = this.#slotOf[slot] ?? -1
      return second >= now - full && second < now ? total + count : total
    }, 0)
    return sum / full
  }

  #second(): number {
    return Math.floor(this.#clock.monotonic() / SLOT_MS)
  }
}
