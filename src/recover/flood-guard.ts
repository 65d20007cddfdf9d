import { HoldfastError } from '../event/index.ts'

/**
 * Stops a group before a mistake of ours (a bad deployment, a wrong schema) turns a whole topic into dead letters:
 * when more than `share` of the events of the last five minutes died, and at least `atLeast` did. Not so when they died
 * of one tenant alone, while those of the others are done: then it is that tenant's doing, and a pause would be for all.
 */
export interface FloodGuard {
  /** An event was done without dying. */
  survived(now: number, tenant: string | undefined): void
  /**
   * Whether one more may die now. Asked before a letter is written: a `false` leaves the event where it is. `cause`
   * is remembered, so that the dominating one can be named.
   */
  mayDie(now: number, cause: string, tenant: string | undefined): boolean
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
/** Tenants told apart; further ones count as nobody's. */
const MAX_TENANTS = 100
/** Events of one tenant that may die within five minutes: letters take room on the disk until somebody decides. */
const MOST_OF_ONE_TENANT = 50_000

interface Slot {
  number: number
  causes: Map<string, number>
  tenants: Map<string | undefined, Fates>
}

interface Fates {
  survived: number
  died: number
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

  survived(now: number, tenant: string | undefined): void {
    fatesOf(tenant, this.#slot(now)).survived += 1
  }

  mayDie(now: number, cause: string, tenant: string | undefined): boolean {
    const slot = this.#slot(now)
    if (now >= this.#allowedUntil && this.#isFlood(tenant)) return false
    const name = slot.causes.has(cause) || slot.causes.size < MAX_CAUSES ? cause : 'other'
    slot.causes.set(name, (slot.causes.get(name) ?? 0) + 1)
    fatesOf(tenant, slot).died += 1
    return true
  }

  get dominating(): { cause: string; count: number } | undefined {
    const totals = new Map<string, number>()
    for (const slot of this.#slots) {
      for (const [cause, count] of slot.causes) totals.set(cause, (totals.get(cause) ?? 0) + count)
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
    const slot = { number, causes: new Map(), tenants: new Map() }
    this.#slots = [...this.#slots.filter(slot => slot.number > number - SLOTS), slot]
    return slot
  }

  /** With one more that dies, of this tenant. */
  #isFlood(dying: string | undefined): boolean {
    const all: Fates = { survived: 0, died: 1 }
    const tenants = new Map([[dying, { ...all }]])
    for (const slot of this.#slots)
      for (const [tenant, fates] of slot.tenants) {
        add(all, fates)
        const known = tenants.get(tenant)
        if (known) add(known, fates)
        else tenants.set(tenant, { ...fates })
      }
    if (all.died <= this.#atLeast || shareOf(all) <= this.#share) return false
    return !this.#isOfOne(all, tenants)
  }

  /** Only what the others have come through proves that it is not about all of them. */
  #isOfOne(all: Fates, tenants: ReadonlyMap<string | undefined, Fates>): boolean {
    let worst: Fates | undefined
    for (const [tenant, fates] of tenants)
      if (tenant !== undefined && fates.died > (worst?.died ?? 0)) worst = fates
    if (!worst || worst.died > MOST_OF_ONE_TENANT) return false
    const others = { survived: all.survived - worst.survived, died: all.died - worst.died }
    return others.survived >= this.#atLeast && shareOf(others) <= this.#share
  }
}

function fatesOf(tenant: string | undefined, { tenants }: Slot): Fates {
  const name = tenants.has(tenant) || tenants.size < MAX_TENANTS ? tenant : undefined
  const known = tenants.get(name)
  if (known) return known
  const fates = { survived: 0, died: 0 }
  tenants.set(name, fates)
  return fates
}

function add(sum: Fates, { survived, died }: Fates): void {
  sum.survived += survived
  sum.died += died
}

function shareOf({ survived, died }: Fates): number {
  return died / (died + survived)
}
