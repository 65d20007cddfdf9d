import { HoldfastError, type Offset } from '../event/index.ts'
import type { Place } from './admission.ts'

/**
 * The places of what runs from the retry lane. There must be one before anything is begun there: a start without an end is
 * a death of the process, and what only waited for a place would be blamed for it.
 *
 *   offered to the machine ── it appends starts ──▶ held while they become durable ── it runs ──▶ given to the run
 *          └── nobody wants it any more ──▶ left
 */
export class EntryPlaces {
  #offered: Place | undefined
  /** Of runs whose starts are being appended, in that order. */
  readonly #held: Place[] = []

  /** `tell` tells the machine, and does what it says to that. */
  offer(place: Place, tell: () => void): void {
    this.#offered = place
    tell()
    this.#offered?.leave('neither')
    this.#offered = undefined
  }

  /** A start is appended. The first one after an offer takes the place, for all that run with it. */
  started(): void {
    if (!this.#offered) return
    this.#held.push(this.#offered)
    this.#offered = undefined
  }

  /** For the run whose first entry is this one; runs begin in the order of their starts. */
  next(origin: Offset): Place {
    const place = this.#held.shift()
    if (!place) throw new HoldfastError('INTERNAL', { detail: `entry ${origin} began without a place` })
    return place
  }

  /** Nothing runs any more. */
  giveBack(): void {
    for (const place of this.#held.splice(0)) place.leave('neither')
  }
}
