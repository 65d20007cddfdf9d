import type { Offset } from '../../event/index.ts'
import type { EntryLife } from './entry-life.ts'
import type { PlacedRequest } from './fold.ts'
import type { FoundLetter } from './lane-io.ts'
import type { LaneParts } from './lane-parts.ts'

const cannotCancel = {
  applied: 'it was applied already',
  unknown: 'the database is away, so nobody knows whether it was applied',
}

const SUPERSEDED = 'its range was reprocessed since: what became of the event there counts'

type LetterAction = 'replay' | 'discard' | 'restore' | 'release'

const decisions = { replay: 'replaying', discard: 'discarded', restore: 'restored' } as const

/** Requests at work at once, each about another event. */
const MAX_AT_ONCE = 64

/**
 * What operators asked for, answered one after another for each event. Every step can be the last before a crash, and
 * the request then comes again to the successor: so each begins by looking at what is already so.
 *
 * A replay: `replaying` is written on the letter, and only then is the event parked for its next round. The letter
 * decides which of several requests (or owners) wins; it is read back, since a write that was refused looks like any
 * other. Parked first, the event could run with nobody knowing whether its letter was still dead.
 */
export class Requests {
  readonly #p: LaneParts
  readonly #entries: EntryLife
  /** Without an answer, in lane order. */
  readonly #open = new Map<Offset, PlacedRequest>()
  /** By the event that they are about. */
  readonly #byOrigin = new Map<Offset, PlacedRequest[]>()
  readonly #busy = new Set<Offset>()
  /** Events whose first request can be looked at. */
  #ready: Offset[] = []

  constructor(parts: LaneParts, entries: EntryLife) {
    this.#p = parts
    this.#entries = entries
  }

  /** The lowest one without an answer keeps the lane from being forgotten there. */
  get lowest(): Offset | undefined {
    const [first] = this.#open.keys()
    return first
  }

  get idle(): boolean {
    return this.#busy.size === 0
  }

  /** Whether something is under way for an event. */
  works(origin: Offset): boolean {
    return this.#busy.has(origin)
  }

  add(request: PlacedRequest): void {
    this.#open.set(request.position, request)
    const waiting = this.#byOrigin.get(request.origin)
    if (waiting) {
      waiting.push(request)
      return
    }
    this.#byOrigin.set(request.origin, [request])
    this.#ready.push(request.origin)
  }

  /** An entry came to rest, or is gone. */
  rested(origin: Offset): void {
    if (this.#byOrigin.has(origin) && !this.#busy.has(origin)) this.#ready.push(origin)
  }

  begin(): void {
    while (this.#busy.size < MAX_AT_ONCE) {
      const origin = this.#ready.shift()
      if (origin === undefined) return
      const [request] = this.#byOrigin.get(origin) ?? []
      if (!request || this.#busy.has(origin) || !this.#restful(origin)) continue
      this.#busy.add(origin)
      this.#work(request)
    }
  }

  /** Nothing is done to an entry while anything else is under way for it. */
  #restful(origin: Offset): boolean {
    const entry = this.#p.book.of(origin)
    return !entry || entry.stage === 'held' || (entry.stage === 'waiting' && entry.state.final === undefined)
  }

  #work(request: PlacedRequest): void {
    const generation = this.#p.generationOf(request.origin)
    if (request.generation < generation) return this.#supersede(request)
    // We are a former owner: the range was reprocessed after us, and the present one answers.
    if (request.generation > generation) return
    switch (request.action) {
      case 'run-now':
      case 'cancel':
        this.#aboutEntry(request, request.action)
        return
      case 'replay':
      case 'discard':
      case 'restore':
      case 'release':
        this.#aboutLetter(request, request.action)
    }
  }

  /**
   * Whoever asked saw a letter of before its range was reprocessed. As a rule that letter is closed by now; one that a
   * former owner wrote late is closed here.
   */
  #supersede(request: PlacedRequest): void {
    const { generation, origin, by, reason } = request
    const change = { kind: 'superseded' } as const
    const why = { by, reason }
    this.#p.out.letter({ generation, origin, change, why, death: undefined }, () =>
      this.#end(request, SUPERSEDED),
    )
  }

  #aboutEntry(request: PlacedRequest, action: 'run-now' | 'cancel'): void {
    const entry = this.#p.book.of(request.origin)
    if (!entry || entry.stage === 'held') return this.#end(request, 'it does not wait for a retry')
    if (action === 'cancel') {
      return this.#entries.giveUp(entry, 'cancelled', how =>
        this.#end(request, how === 'given up' ? undefined : cannotCancel[how]),
      )
    }
    this.#entries.runNow(entry)
    this.#end(request)
  }

  #aboutLetter(request: PlacedRequest, action: LetterAction): void {
    this.#lookUp(request, letter => this.#decide(request, action, letter))
  }

  #decide(request: PlacedRequest, action: LetterAction, letter: FoundLetter | undefined): void {
    const { letterVersion } = request
    // Decided by this very request, before a crash or in its second copy.
    if (action !== 'release' && letter?.request === request.id) return this.#decided(request, letter)
    const status = action === 'restore' ? 'discarded' : 'died'
    if (letter?.status !== status || letter.version !== letterVersion) {
      return this.#end(
        request,
        letter ? `the letter is ${letter.status} now, version ${letter.version}` : 'no such letter',
      )
    }
    if (action === 'release') {
      const entry = this.#p.book.of(request.origin)
      if (entry?.stage !== 'held') return this.#end(request, 'nothing is held')
      return this.#entries.closeHeld(entry, () => this.#end(request))
    }
    const change = { kind: decisions[action], version: letterVersion, request: request.id }
    const { generation, origin, by, reason } = request
    this.#p.out.letter({ generation, origin, change, why: { by, reason }, death: undefined }, () =>
      this.#lookUp(request, after => {
        if (after?.request === request.id) this.#decided(request, after)
        else this.#end(request, 'another change was first')
      }),
    )
  }

  /** The letter says what is to be so; now the lane is made to agree. */
  #decided(request: PlacedRequest, letter: FoundLetter): void {
    const entry = this.#p.book.of(request.origin)
    if (letter.status === 'replaying' && entry?.round !== letter.round) {
      return this.#entries.parkAgain(request.origin, letter.key, letter.round, () => this.#end(request))
    }
    if (letter.status === 'discarded' && entry?.stage === 'held') {
      return this.#entries.closeHeld(entry, () => this.#end(request))
    }
    this.#end(request)
  }

  #lookUp(request: PlacedRequest, then: (letter: FoundLetter | undefined) => void): void {
    this.#p.out.lookUp(request.origin, request.generation, then)
  }

  #end(request: PlacedRequest, refused?: string): void {
    this.#p.out.append({ kind: 'answer', id: request.id, refused }, () => {
      const { origin } = request
      this.#open.delete(request.position)
      this.#busy.delete(origin)
      const left = this.#byOrigin.get(origin)?.slice(1) ?? []
      if (left.length === 0) this.#byOrigin.delete(origin)
      else {
        this.#byOrigin.set(origin, left)
        this.#ready.push(origin)
      }
    })
  }
}
