import { FairQueue } from '../fair-queue.ts'
import type { Entry } from './key-queue.ts'

/**
 * Which entries run at once. Few, since all that have begun when the process dies are under suspicion; and one that is
 * under suspicion runs alone, so that after the next death the innocent are known.
 */
export class Turns {
  readonly #max: number
  /** Tenants take turns, or the retries of one that fails all the time would keep those of the others waiting. */
  readonly #line = new FairQueue<Entry>()
  readonly #running = new Set<Entry>()
  /** Of those that run, how many are under suspicion: one at most. */
  #suspects = 0

  constructor(max: number) {
    this.#max = max
  }

  queue(entry: Entry): void {
    this.#line.push(entry, entry.tenant)
  }

  /** Whether one may begin now. */
  get wanted(): boolean {
    const { first } = this.#line
    if (!first) return false
    if (this.#running.size === 0) return true
    return !suspect(first) && this.#running.size < this.#max && this.#suspects === 0
  }

  /** How many more may begin beside those that run. */
  get room(): number {
    return this.#suspects > 0 ? 0 : Math.max(0, this.#max - this.#running.size)
  }

  get first(): Entry | undefined {
    return this.#line.first
  }

  /** Whether the next is under suspicion: it should run alone in its process, not only here. */
  get wantsAlone(): boolean {
    const { first } = this.#line
    return first !== undefined && suspect(first)
  }

  /** The next one that may begin now, if any. It may no longer want to. */
  next(): Entry | undefined {
    return this.wanted ? this.#line.shift() : undefined
  }

  began(entry: Entry): void {
    this.#running.add(entry)
    if (suspect(entry)) this.#suspects += 1
  }

  ended(entry: Entry): void {
    if (this.#running.delete(entry) && suspect(entry)) this.#suspects -= 1
  }
}

/** The process died while it ran. */
export function suspect(entry: Entry): boolean {
  return entry.state.deaths > 0
}
