import type { Offset } from '../../event/index.ts'
import type { EntryState, Identity } from './lane-record.ts'

/**
 * What an open entry does just now. One word, so that no two things can be under way for one entry: of two appends the
 * second may become durable when the first does not, and a copy made meanwhile would lack what the first said.
 */
export type Stage =
  /** For its turn, its time or, once it is given up, its letter. */
  | 'waiting'
  /** For a commit: until one of ours is accepted after what was appended, somebody else may be the owner by now. */
  | 'barrier'
  | 'starting'
  | 'running'
  /** `attempt` is being appended. */
  | 'marking'
  /** Its letter is being written. */
  | 'lettering'
  /** `closed` is being appended. Out of its queue, but not yet done. */
  | 'closing'
  | 'copying'
  /** Dead, and its key waits until somebody decides. */
  | 'held'

/** An event that is parked in the lane and not closed. */
export interface Entry extends Identity {
  readonly queue: string
  readonly tenant: string | undefined
  /** Where its latest copy stands. */
  position: Offset
  state: EntryState
  stage: Stage
  /** Who will look at it next, while it waits at the head of its queue: so that it is told to each only once. */
  asked: 'gate' | 'clock' | 'turn' | undefined
  /** A run failed because of nobody knows whom: this one shares none any more. */
  alone: boolean
}

/** The state of an entry that waits behind others. */
export const neverRan: EntryState = {
  attempts: 0,
  dueAt: 0,
  deaths: 0,
  final: undefined,
  first: undefined,
  last: undefined,
}

/** A record of the topic that did not run yet. */
export interface Delivered {
  readonly offset: Offset
  readonly tenant: string | undefined
  /** A batch failed because of nobody knows whom: this one is tried alone. */
  readonly alone: boolean
  /** It waits no longer: it runs, or is being parked. */
  gone: boolean
}

export type Order = 'key' | 'partition' | 'none'

/** Events with the same name keep their order. A record without a key has none to keep. */
export function queueName(order: Order, key: string | undefined, origin: Offset): string {
  switch (order) {
    case 'partition':
      return ''
    case 'key':
      return key === undefined ? `#${origin}` : `=${key}`
    case 'none':
      return `#${origin}`
  }
}

const NONE: readonly Entry[] = []

/**
 * One key: its open entries, and behind them what was delivered and must wait. It is blocked while it has entries, or
 * while a park of it is under way: whatever comes then is parked too, or it would overtake.
 */
export class KeyQueue {
  readonly name: string
  /** In offset order. */
  waiting: Delivered[] = []
  /** Of those that wait, so many from the first on go into the batch that is just being made. */
  taken = 0
  /** Sorted by origin, never by where they stand in the lane: a copy stands far behind its followers. */
  get entries(): readonly Entry[] {
    return this.#entries ?? NONE
  }
  /** Most keys have none, and no list for them. */
  #entries: Entry[] | undefined
  /** Something of it runs. It need not be the head: an older event may have been brought back meanwhile. */
  running = false
  /** Parks under way. */
  parking = 0
  /**
   * Closing marks under way. Until they are durable a successor would run their entries again; a newer event that ran
   * meanwhile would then have overtaken them. So it waits, in memory: nothing is left that it could queue behind.
   */
  closing = 0
  /** Entries that were done in a row, since one failed or since there were none. */
  well = 0

  constructor(name: string) {
    this.name = name
  }

  /** Whether a record of the topic would overtake something. Entries behind it are there only when a range runs again. */
  blocks({ offset }: Delivered): boolean {
    const [first] = this.entries
    return (first !== undefined && first.origin < offset) || this.parking > 0
  }

  /** Whether a record of the topic may run now. */
  frees(record: Delivered): boolean {
    return !this.blocks(record) && !this.running && this.closing === 0
  }

  get forgettable(): boolean {
    const isIdle = this.parking + this.closing === 0 && !this.running
    return isIdle && this.entries.length + this.waiting.length === 0
  }

  /** Behind all that wait. */
  add(record: Delivered): void {
    // Mostly it is alone: a list of one takes a tenth of the room of one that was pushed to.
    if (this.waiting.length === 0) this.waiting = [record]
    else this.waiting.push(record)
  }

  insert(entry: Entry): void {
    this.#entries ??= []
    let at = this.entries.length
    while (at > 0 && (this.entries[at - 1]?.origin ?? 0n) > entry.origin) at--
    this.#entries.splice(at, 0, entry)
  }

  remove(entry: Entry): void {
    const at = this.entries.indexOf(entry)
    if (at >= 0) this.#entries?.splice(at, 1)
  }
}
