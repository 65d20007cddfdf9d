import { HoldfastError, type Offset } from '../../event/index.ts'
import type { PlacedRecord } from './lane-io.ts'
import type { Attempt, EntryState, Identity, Park, Request, Start, Closed } from './lane-record.ts'
import { tenureOf, type Tenure } from './tenure.ts'

export interface FoldedEntry extends Identity {
  readonly key: string | undefined
  readonly tenant: string | undefined
  readonly position: Offset
  readonly state: EntryState
}

export interface PlacedRequest extends Request {
  readonly position: Offset
}

/** A record about one entry. */
type Mark = (Park | Start | Attempt | Closed) & { readonly position: Offset }

interface Folding extends Identity {
  readonly key: string | undefined
  readonly tenant: string | undefined
  position: Offset
  state: EntryState
  /** A start without an end so far. */
  started: boolean
  /** The last record about it that counted. */
  by: { readonly tenure: string; readonly seq: number }
}

/**
 * Reads a lane from where it was done up to the reader's own fence: what is open, and which requests have no answer.
 * Four rules say what a record is worth.
 *
 * 1. It counts only if it was written by the tenure in whose stretch it stands: what a former owner sends late is
 *    nobody's. Its successor did not see it when it took over, and so has decided otherwise.
 * 2. At each fence the parks of round 0 from the position of that takeover on are void: the events were delivered again
 *    from there, so they belong to the topic still.
 * 3. A mark is about an identity; of one origin the last park stands. A mark of an older round says nothing about it.
 * 4. Of two copies of one append only the first counts: a start that is stored twice is not two deaths.
 */
export class Fold {
  readonly #tenures: readonly Tenure[]
  /** Tenures whose fence is not passed yet, oldest first. */
  readonly #ahead: Tenure[]
  /** By origin. */
  readonly #entries = new Map<Offset, Folding>()
  /** Without an answer, by id. One that was sent twice has two places, and one answer. */
  readonly #requests = new Map<string, PlacedRequest[]>()

  constructor(tenures: readonly Tenure[]) {
    this.#tenures = tenures
    this.#ahead = [...tenures]
  }

  add(record: PlacedRecord): void {
    for (let next = this.#ahead[0]; next && next.fence <= record.position; next = this.#ahead[0]) {
      this.#ahead.shift()
      this.#voidFrom(next.main)
    }
    if (record.kind === 'request') {
      this.#requests.set(record.id, [...(this.#requests.get(record.id) ?? []), record])
      return
    }
    if (record.kind === 'fence') return
    // Nobody writes more than a fence before its first commit is accepted, and that one stores the list.
    if (this.#tenures.length === 0) {
      throw new HoldfastError('LOG_CORRUPT', {
        detail: `the retry lane holds records (offset ${record.position}), but the note of the group's position names nobody who may write there`,
      })
    }
    const tenure = tenureOf(this.#tenures, record)
    if (!tenure) return
    if (record.kind === 'answer') {
      this.#requests.delete(record.id)
      return
    }
    this.#apply(record, tenure)
  }

  /** `main`: where the reader itself delivers from. */
  end(main: Offset): {
    readonly entries: readonly FoldedEntry[]
    readonly requests: readonly PlacedRequest[]
  } {
    this.#voidFrom(main)
    const entries = [...this.#entries.values()].map(entry => {
      const { generation, origin, round, key, tenant, position, state } = entry
      const deaths = state.deaths + (entry.started ? 1 : 0)
      return { generation, origin, round, key, tenant, position, state: { ...state, deaths } }
    })
    const requests = [...this.#requests.values()].flat()
    return { entries, requests: requests.toSorted((a, b) => (a.position < b.position ? -1 : 1)) }
  }

  #voidFrom(main: Offset): void {
    for (const [origin, entry] of this.#entries)
      if (entry.round === 0 && origin >= main) this.#entries.delete(origin)
  }

  #apply(mark: Mark, tenure: Tenure): void {
    const known = this.#entries.get(mark.origin)
    const same = known?.generation === mark.generation && known.round === mark.round
    if (same && known.by.tenure === mark.tenure && mark.seq <= known.by.seq) return
    const by = { tenure: mark.tenure, seq: mark.seq }
    if (mark.kind === 'park') {
      const { generation, origin, round, position, state } = mark
      const { key, headers } = mark.event // not its bytes: there may be many
      const tenant = headers['ce_tenant']
      const entry = { generation, origin, round, key, tenant, position, state, started: false, by }
      this.#entries.set(origin, entry)
      return
    }
    if (!same) return
    known.by = by
    switch (mark.kind) {
      case 'start':
        if (known.started) known.state = { ...known.state, deaths: known.state.deaths + 1 }
        // A tenure that let go by itself had cut off what ran.
        known.started = !tenure.released
        return
      case 'attempt':
        known.started = false
        known.state = afterAttempt(known.state, mark)
        return
      case 'closed':
        this.#entries.delete(mark.origin)
    }
  }
}

/** The state of an entry after a run that did not succeed, or after it was given up. */
export function afterAttempt(
  state: EntryState,
  mark: Pick<Attempt, 'attempts' | 'dueAt' | 'final' | 'failure'>,
): EntryState {
  return {
    ...state,
    attempts: mark.attempts,
    dueAt: mark.dueAt,
    final: mark.final ?? state.final,
    first: state.first ?? mark.failure,
    last: mark.failure ?? state.last,
  }
}
