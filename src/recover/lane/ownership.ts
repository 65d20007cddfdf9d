import { HoldfastError, type Offset } from '../../event/index.ts'
import type { Effect } from './lane-io.ts'
import { withoutEnded, type Tenure } from './tenure.ts'

/**
 * What this tenure knows about being the owner. It never knows for certain; the log does, and says it by accepting a
 * commit. Two things wait for that:
 *
 * - **The gate**, for everything that was parked from the topic: a record belongs to the topic until a commit above it
 *   is accepted, and to the lane afterwards. Before that a park is only a reservation, which a successor throws away.
 *   Acted on too early, the event would run here and again at the successor.
 * - **The barrier**, for what a mark leads to: a commit that was sent after the mark was durable. Accepted, it shows
 *   that nobody took over before the mark, so it stands in our stretch and counts for whoever comes after us.
 */
export class Ownership {
  /** The accepted position in the topic: below it is the lane's. */
  main: Offset
  /** The accepted position in the lane. */
  lane: Offset
  #tenures: readonly Tenure[]
  #onBarrier: (() => void)[] = []
  #sent: { readonly main: Offset; readonly lane: Offset; readonly frees: readonly (() => void)[] } | undefined

  constructor(main: Offset, lane: Offset, tenures: readonly Tenure[]) {
    this.main = main
    this.lane = lane
    this.#tenures = tenures
  }

  get committing(): boolean {
    return this.#sent !== undefined
  }

  get barrierWanted(): boolean {
    return this.#onBarrier.length > 0
  }

  get tenures(): readonly Tenure[] {
    return this.#tenures
  }

  /** Calls back once a commit was accepted that was sent after now. */
  barrier(then: () => void): void {
    this.#onBarrier.push(then)
  }

  /** The own fence was read at its place. */
  fenced(own: Tenure): void {
    this.#tenures = [...this.#tenures, own]
  }

  release(): void {
    this.#tenures = this.#tenures.map((tenure, i) =>
      i === this.#tenures.length - 1 ? { ...tenure, released: true } : tenure,
    )
  }

  /** One at a time, and never back: a position that falls would deliver again what was done. */
  commit(main: Offset, lane: Offset): Effect {
    if (this.#sent || main < this.main || lane < this.lane) {
      throw new HoldfastError('INTERNAL', {
        detail: `a commit of ${main} and lane ${lane} after ${this.main} and ${this.lane}, ${this.#sent ? 'with one under way' : 'moving back'}`,
      })
    }
    this.#tenures = withoutEnded(this.#tenures, lane)
    this.#sent = { main, lane, frees: this.#onBarrier }
    this.#onBarrier = []
    return { kind: 'commit', main, note: { lane, tenures: this.#tenures } }
  }

  committed(): readonly (() => void)[] {
    const sent = this.#sent
    if (!sent) throw new HoldfastError('INTERNAL', { detail: 'a commit was accepted that was not sent' })
    this.#sent = undefined
    this.main = sent.main
    this.lane = sent.lane
    return sent.frees
  }
}
