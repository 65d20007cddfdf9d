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
  /** Of all slots: in a flood nobody has the time to add them up for each event that dies. */
  #sum = new Sum()
  #allowedUntil = -Infinity

  constructor(share: number, atLeast: number) {
    this.#share = share
    this.#atLeast = atLeast
  }

  survived(now: number, tenant: string | undefined): void {
    this.#count(this.#slot(now), tenant, SURVIVED)
  }

  mayDie(now: number, cause: string, tenant: string | undefined): boolean {
    const slot = this.#slot(now)
    if (now >= this.#allowedUntil && this.#isFlood(tenant)) return false
    const name = slot.causes.has(cause) || slot.causes.size < MAX_CAUSES ? cause : 'other'
    slot.causes.set(name, (slot.causes.get(name) ?? 0) + 1)
    this.#count(slot, tenant, DIED)
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
    this.#sum = new Sum()
    for (const { tenants } of this.#slots) for (const [tenant, fates] of tenants) this.#sum.add(tenant, fates)
    return slot
  }

  #count({ tenants }: Slot, tenant: string | undefined, fates: Readonly<Fates>): void {
    const name = tenants.has(tenant) || tenants.size < MAX_TENANTS ? tenant : undefined
    add(fatesOf(name, tenants), fates)
    this.#sum.add(name, fates)
  }

  /** With one more that dies, of this tenant. */
  #isFlood(dying: string | undefined): boolean {
    const all = plus(this.#sum.all, DIED)
    if (all.died <= this.#atLeast || shareOf(all) <= this.#share) return false
    const worst = this.#sum.worstWith(dying)
    return !worst || !this.#isOfOne(worst, all)
  }

  /** Only what the others have come through proves that it is not about all of them. */
  #isOfOne(worst: Readonly<Fates>, all: Readonly<Fates>): boolean {
    if (worst.died > MOST_OF_ONE_TENANT) return false
    const others = { survived: all.survived - worst.survived, died: all.died - worst.died }
    return others.survived >= this.#atLeast && shareOf(others) <= this.#share
  }
}

/** Fates of all events, and of those of each tenant. */
class Sum {
  readonly all: Fates = { survived: 0, died: 0 }
  readonly #tenants = new Map<string | undefined, Fates>()
  /** Of the tenant of which most died. */
  #worst: Readonly<Fates> | undefined

  add(tenant: string | undefined, fates: Readonly<Fates>): void {
    const sum = fatesOf(tenant, this.#tenants)
    add(sum, fates)
    add(this.all, fates)
    if (tenant !== undefined && sum.died > (this.#worst?.died ?? 0)) this.#worst = sum
  }

  /** Of the tenant of which most died, were one more to die of this one. Nobody's events are of no tenant. */
  worstWith(dying: string | undefined): Readonly<Fates> | undefined {
    if (dying === undefined) return this.#worst
    const its = plus(this.#tenants.get(dying) ?? NONE, DIED)
    return its.died >= (this.#worst?.died ?? 0) ? its : this.#worst
  }
}

const NONE: Readonly<Fates> = { survived: 0, died: 0 }
const SURVIVED: Readonly<Fates> = { survived: 1, died: 0 }
const DIED: Readonly<Fates> = { survived: 0, died: 1 }

function fatesOf(tenant: string | undefined, tenants: Map<string | undefined, Fates>): Fates {
  const known = tenants.get(tenant)
  if (known) return known
  const fates = { ...NONE }
  tenants.set(tenant, fates)
  return fates
}

function add(sum: Fates, { survived, died }: Readonly<Fates>): void {
  sum.survived += survived
  sum.died += died
}

function plus(a: Readonly<Fates>, b: Readonly<Fates>): Fates {
  return { survived: a.survived + b.survived, died: a.died + b.died }
}

function shareOf({ survived, died }: Readonly<Fates>): number {
  return died / (died + survived)
}
