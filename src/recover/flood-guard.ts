import { HoldfastError } from '../event/index.ts'

/**
 * Stops a group before a mistake of ours (a bad deployment, a wrong schema) turns a whole topic into dead letters:
 * when more than `share` of the events of the last five minutes died, and at least `atLeast` did.
 */
export interface FloodGuard {
  /** An event was done without dying. */
  survived(now: number, count: number): void
  /**
   * Whether one more may die now. Asked before a letter is written: a `false` leaves the event where it is. `cause`
   * is remembered, so that the dominating one can be named.
   */
  mayDie(now: number, cause: string): boolean
  /** What most of them died of, for the message. */
  readonly dominating: { readonly cause: string; readonly count: number } | undefined
  /** Lets everything die until `now + ms`: a decision of an operator. */
  allow(now: number, ms: number): void
}

const WINDOW_MS = 5 * 60_000
const SLOTS = 60
const SLOT_MS = WINDOW_MS / SLOTS
/** Causes told apart; further ones count as one. */
const MAX_CAUSES = 100

interface Slot {
  number: number
  survived: number
  died: Map<string, number>
}

/** `now` is monotonic milliseconds. Below `atLeast` dead events nothing is ever stopped. */
export function floodGuard(share: number, atLeast = 50): FloodGuard {
  if (!(share > 0 && share <= 1)) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `deadShare must be above 0 and at most 1, got ${share}`,
    })
  }
  return new SlidingGuard(share, atLeast)
}

class SlidingGuard implements FloodGuard {
  readonly #share: number
  readonly #atLeast: number
  #slots: Slot[] = []
  #allowedUntil = -Infinity

  constructor(share: number, atLeast: number) {
    this.#share = share
    this.#atLeast = atLeast
  }

  survived(now: number, count: number): void {
    this.#slot(now).survived += count
  }

  mayDie(now: number, cause: string): boolean {
    const slot = this.#slot(now)
    if (now >= this.#allowedUntil) {
      const { survived, died } = this.#sums()
      const after = died + 1
      if (after > this.#atLeast && after / (after + survived) > this.#share) return false
    }
    const name = slot.died.has(cause) || slot.died.size < MAX_CAUSES ? cause : 'other'
    slot.died.set(name, (slot.died.get(name) ?? 0) + 1)
    return true
  }

  get dominating(): { cause: string; count: number } | undefined {
    const totals = new Map<string, number>()
    for (const slot of this.#slots) {
      for (const [cause, count] of slot.died) totals.set(cause, (totals.get(cause) ?? 0) + count)
    }
    const top = [...totals].toSorted((a, b) => b[1] - a[1])[0]
    return top && { cause: top[0], count: top[1] }
  }

  allow(now: number, ms: number): void {
    this.#allowedUntil = now + ms
  }

  #slot(now: number): Slot {
    const number = Math.floor(now / SLOT_MS)
    const last = this.#slots.at(-1)
    if (last?.number === number) return last
    const slot = { number, survived: 0, died: new Map() }
    this.#slots = [...this.#slots.filter(slot => slot.number > number - SLOTS), slot]
    return slot
  }

  #sums(): { survived: number; died: number } {
    let survived = 0
    let died = 0
    for (const slot of this.#slots) {
      survived += slot.survived
      for (const count of slot.died.values()) died += count
    }
    return { survived, died }
  }
}
