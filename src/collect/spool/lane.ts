import type { Offset } from '../../event/index.ts'

/**
 * One lane of the spool: events whose keys belong to one partition of the log stand in one line, so that order within a
 * key is order within a lane. This is its state machine and nothing else: it is told what happened and answers what to
 * do, with the time as an argument; `spool.ts` does it.
 *
 * ```text
 *            an append failed, or something waited too long
 *   normal ────────────────────────────────────────────────▶ spooling ◀──┐
 *      ▲                                                        │        │ a drain failed, or something waited too long
 *      │ spool empty, and that is durable        the log took an event   │
 *      └───────────────────────── draining ◀────────────────────┘        │
 *                                     └──────────────────────────────────┘
 * ```
 * normal: what arrives waits in memory and goes to the log, one append at a time; what arrives meanwhile makes the next.
 * spooling: what arrives is written to the spool, and the oldest spooled event asks now and then whether the log is back.
 * draining: the spool goes to the log in order, and what arrives goes behind it.
 *
 * Why it loses no event and no order:
 * 1. At most one append to the log is under way, always of the front of the line. Whatever its outcome is, nothing
 *    newer was sent meanwhile that could overtake it.
 * 2. An append that fails or is late leaves the front where it is: in the spool, before all that is newer. What it may
 *    have stored all the same is stored again, later, from the spool: a duplicate, but never the first copy of it behind
 *    something newer.
 * 3. A late append is waited for before the spool is drained. If it was stored after all, the copies of its events at
 *    the front of the spool are skipped.
 * 4. Newer events go past the spool only when it is empty and the cursor that says so is durable: after a crash nothing
 *    that was sent before them is sent again.
 */
export class SpoolLane<P extends Parcel> {
  readonly #rules: LaneRules
  #state: LaneState
  /** In memory only, nobody was answered, oldest first. Empty while spooling. */
  #waiting: P[] = []
  #sending: Sending<P> | undefined
  /** Records that are being written to the spool. */
  #writing = 0
  /** Records that are in the spool and, as far as known, not in the log. */
  #spooled: number
  /** The first in the spool that is not known to be in the log, and behind the last. */
  #cursor: Offset
  #end: Offset
  /** The cursor as it is on the disk. */
  #saved: Offset
  #isSaving = false
  /** One after another, since the log took something. */
  #failures = 0
  #retryAt = Number.NEGATIVE_INFINITY

  /** `cursor` and `end` as they are on the disk. */
  constructor(rules: LaneRules, { cursor, end }: { readonly cursor: Offset; readonly end: Offset }) {
    this.#rules = rules
    this.#cursor = this.#saved = cursor
    this.#end = end
    this.#spooled = Number(end - cursor)
    this.#state = cursor < end ? 'spooling' : 'normal'
  }

  get state(): LaneState {
    return this.#state
  }

  /** Events that were answered, or are about to be, and that only the spool has as far as known. */
  get backlog(): number {
    return this.#spooled + this.#writing
  }

  /** What is before it is in the log. */
  get cursor(): Offset {
    return this.#cursor
  }

  arrived(parcel: P, now: number): Steps<P> {
    // Under load there is always something being written: behind a spool of which one append is left it waits in memory,
    // or the lane would never be normal again. Who comes behind it waits too, since what is left only becomes less.
    const lastStretch = this.#state === 'draining' && this.backlog <= this.#rules.maxRecords
    if (this.#state === 'normal' || lastStretch) {
      this.#waiting.push(parcel)
      return this.#next(now)
    }
    return [this.#write([parcel])]
  }

  /** The append of parcels was stored. */
  appended(now: number): Steps<P> {
    const sending = this.#sending
    if (sending?.kind === 'direct') {
      this.#waiting.splice(0, sending.parcels.length)
      this.#sending = undefined
    } else if (sending?.kind === 'late') {
      sending.isStored = true
      this.#settleLate(sending)
    }
    this.#failures = 0
    return this.#next(now)
  }

  /** Records from the cursor on were stored in the log; `next` is behind them. */
  drained(next: Offset, records: number, now: number): Steps<P> {
    this.#sending = undefined
    this.#advance(next, records)
    return this.#next(now)
  }

  /** The append or drain under way was not stored, or nobody knows. */
  failed(now: number): Steps<P> {
    this.#sending = undefined
    this.#retryAt = now + this.#rules.retryAfterMs(this.#failures++)
    return [...this.#turn(), ...this.#next(now)]
  }

  /** The parcels under way were refused for what they are: they were answered, and the line goes on without them. */
  refused(now: number): Steps<P> {
    const sending = this.#sending
    if (sending?.kind !== 'direct') return this.failed(now)
    this.#waiting.splice(0, sending.parcels.length)
    this.#sending = undefined
    return this.#next(now)
  }

  /** Parcels are durable in the spool; `ends` are the positions behind each of them. */
  written(parcels: readonly P[], ends: readonly Offset[], now: number): Steps<P> {
    const records = recordsOf(parcels)
    this.#writing -= records
    this.#spooled += records
    const end = ends.at(-1)
    if (end !== undefined && end > this.#end) this.#end = end
    const late = this.#copied(parcels)
    if (late) {
      late.copy = { kind: 'written', to: ends[late.parcels.length - 1] ?? this.#end }
      this.#settleLate(late)
    }
    return this.#next(now)
  }

  /** Parcels are not in the spool, and were answered so. */
  notWritten(parcels: readonly P[], now: number): Steps<P> {
    this.#writing -= recordsOf(parcels)
    const late = this.#copied(parcels)
    if (late) {
      late.copy = { kind: 'none' }
      this.#settleLate(late)
    }
    return this.#next(now)
  }

  /** The cursor is durable. Undefined: it is not; the next look tries again. */
  saved(cursor: Offset | undefined, now: number): Steps<P> {
    this.#isSaving = false
    if (cursor === undefined) return []
    this.#saved = cursor
    return this.#next(now)
  }

  /** Time has passed: call it now and then while {@link wantsLooks}. */
  look(now: number): Steps<P> {
    const isLate = this.#waitsSince !== undefined && now - this.#waitsSince >= this.#rules.patienceMs
    return [...(isLate ? this.#turn() : []), ...this.#next(now)]
  }

  /** Another lane has seen the log take something: this one asks at once. */
  logIsBack(now: number): Steps<P> {
    this.#retryAt = now
    return this.#next(now)
  }

  /** Whether a {@link look} may have something to do some time, without anything else happening. */
  get wantsLooks(): boolean {
    return this.#waiting.length > 0 || this.#state !== 'normal'
  }

  get #waitsSince(): number | undefined {
    return this.#waiting[0]?.arrivedAt
  }

  /** Everything that waits goes to the spool, in order; an append under way is late from now on. */
  #turn(): Steps<P> {
    const { parcels = [] } = this.#sending?.kind === 'direct' ? this.#sending : {}
    if (this.#sending?.kind === 'direct')
      this.#sending = { kind: 'late', parcels, isStored: false, copy: { kind: 'writing' } }
    this.#state = 'spooling'
    return this.#waiting.length === 0 ? [] : [this.#write(this.#waiting.splice(0))]
  }

  #write(parcels: readonly P[]): Step<P> {
    this.#writing += recordsOf(parcels)
    return { kind: 'write', parcels }
  }

  /** The late append whose copies are in this write: it was made when the append became late, so they are the first of it. */
  #copied(parcels: readonly P[]): Late<P> | undefined {
    const late = this.#sending?.kind === 'late' ? this.#sending : undefined
    return late?.copy.kind === 'writing' && late.parcels[0] === parcels[0] ? late : undefined
  }

  /** A late append is over when it was stored and it is known where its copies are. */
  #settleLate({ isStored, copy, parcels }: Late<P>): void {
    if (!isStored || copy.kind === 'writing') return
    this.#sending = undefined
    if (copy.kind === 'written') this.#advance(copy.to, recordsOf(parcels))
  }

  #advance(next: Offset, records: number): void {
    this.#cursor = next
    this.#spooled -= records
    this.#failures = 0
    this.#state = 'draining'
  }

  #next(now: number): Steps<P> {
    const steps: Step<P>[] = []
    if (!this.#isSaving && this.#saved < this.#cursor) {
      this.#isSaving = true
      steps.push({ kind: 'save', cursor: this.#cursor })
    }
    if (this.#sending) return steps
    const isEmpty = this.#cursor === this.#end && this.#writing === 0
    if (this.#state !== 'normal' && isEmpty && this.#saved === this.#end) this.#state = 'normal'
    if (this.#state === 'normal') {
      const parcels = this.#front()
      if (parcels.length === 0) return steps
      this.#sending = { kind: 'direct', parcels }
      steps.push({ kind: 'append', parcels })
    } else if (this.#cursor < this.#end && (this.#state === 'draining' || now >= this.#retryAt)) {
      // One event asks whether the log is back: if its fate stays unknown, it is all that may be there twice.
      const most = this.#state === 'draining' ? this.#rules.maxRecords : 1
      this.#sending = { kind: 'drain' }
      steps.push({ kind: 'drain', from: this.#cursor, most })
    }
    return steps
  }

  /** As many of those that wait as one append takes, at least one. */
  #front(): readonly P[] {
    let records = 0
    let bytes = 0
    const end = this.#waiting.findIndex((parcel, i) => {
      records += parcel.count
      bytes += parcel.bytes
      return i > 0 && (records > this.#rules.maxRecords || bytes > this.#rules.maxBytes)
    })
    return this.#waiting.slice(0, end === -1 ? this.#waiting.length : end)
  }
}

/** Records of one request that belong to one lane. They are answered together. */
export interface Parcel {
  readonly count: number
  readonly bytes: number
  /** By the monotonic clock. */
  readonly arrivedAt: number
}

export type LaneState = 'normal' | 'spooling' | 'draining'

export interface LaneRules {
  /** How long something may wait in memory for the log before it goes to the spool. */
  readonly patienceMs: number
  /** What one append to the log takes, unless one parcel alone is more. */
  readonly maxRecords: number
  readonly maxBytes: number
  /** How long after so many failures one after another the log is asked again. */
  retryAfterMs(failures: number): number
}

export type Step<P> =
  /** Append these to the log, as one call. Then `appended`, `failed` or `refused`. */
  | { readonly kind: 'append'; readonly parcels: readonly P[] }
  /** Write these to the spool, behind what was written before. Then `written` or `notWritten`. */
  | { readonly kind: 'write'; readonly parcels: readonly P[] }
  /** Read up to `most` records of the spool and append them to the log. Then `drained` or `failed`. */
  | { readonly kind: 'drain'; readonly from: Offset; readonly most: number }
  /** Make the cursor durable: what is before it may be deleted. Then `saved`. */
  | { readonly kind: 'save'; readonly cursor: Offset }

type Steps<P> = readonly Step<P>[]

/** The one append to the log that is under way. */
type Sending<P> =
  /** Of the first of those that wait in memory. */
  | { readonly kind: 'direct'; readonly parcels: readonly P[] }
  | Late<P>
  /** Of records from the cursor on. */
  | { readonly kind: 'drain' }

/** It took too long, so its parcels go to the spool as well, as the first of a spool that was empty. */
interface Late<P> {
  readonly kind: 'late'
  readonly parcels: readonly P[]
  isStored: boolean
  /** `to` is behind their last record. */
  copy: { readonly kind: 'writing' | 'none' } | { readonly kind: 'written'; readonly to: Offset }
}

function recordsOf(parcels: readonly Parcel[]): number {
  return parcels.reduce((sum, { count }) => sum + count, 0)
}
