import {
  HoldfastError,
  isHoldfastError,
  offset,
  partitionId,
  type Clock,
  type LogRecord,
  type Offset,
  type Position,
  type TopicPartition,
} from '../../event/index.ts'
import type { AppendOutcome, AppendRecord, Log } from '../../log/index.ts'
import { problemOf, tooLargeAt, type Taken } from '../appender.ts'
import type { Lease } from '../in-flight.ts'
import type { Problem } from '../problems.ts'
import { isTooLarge } from './set-aside.ts'
import { SpoolLane, type LaneRules, type Parcel, type Step } from './lane.ts'

/** Records of one request for one lane, and whoever waits for what becomes of them. */
export interface Waiting extends Parcel {
  readonly records: readonly AppendRecord[]
  readonly lease: Lease
  /** The first call counts; it answers whether it was. */
  settle(taken: readonly (Taken | Problem)[]): boolean
}

export interface LineParts {
  readonly log: Log
  /** The log in the spool's folder. Its topics have the names of those of the log, and their partitions are the lanes. */
  readonly storage: Log
  readonly clock: Clock
  readonly rules: LaneRules
  /** Makes the topic in the log, if that was not done yet. */
  readonly declare: (topic: string) => Promise<void>
  /** Throws why the spool takes nothing now. */
  readonly checkRoom: () => void
  /** Keeps a record beside the lanes that the log finds too large, durably. */
  readonly setAside: (record: LogRecord, error: unknown) => Promise<void>
  readonly save: (at: TopicPartition, cursor: Offset, done: (error: unknown) => void) => void
  readonly signal: AbortSignal
  readonly observer: LineObserver
}

/** What the lines tell the spool. */
export interface LineObserver {
  /** Of requests that were answered with it. */
  logged(of: { readonly topic: string; readonly count: number; readonly waitedMs: number }): void
  spooled(of: { readonly topic: string; readonly count: number; readonly waitedMs: number }): void
  refused(of: {
    readonly topic: string
    readonly problem: Problem
    readonly count: number
    readonly error: unknown
  }): void
  drained(of: { readonly topic: string; readonly count: number }): void
  /** A record that was in the spool stands there in the log. */
  moved(from: Position, to: Position): void
  /** The state of the lane may have changed, or it wants to be looked at. */
  stepped(line: Line): void
}

/** One lane with its hands: does what {@link SpoolLane} decides, and tells it what came of it. */
export class Line {
  readonly place: TopicPartition
  readonly lane: SpoolLane<Waiting>
  /** When the oldest of what it has spooled was written, or earlier; wall clock. */
  oldestAt: number | undefined
  /** Why the log did not take what it was last asked to take. */
  reason: string | undefined
  readonly #parts: LineParts
  readonly #writes = new Set<Promise<void>>()
  /** Parcels of which an append to the log may have been stored. */
  readonly #unknown = new WeakSet<Waiting>()
  /** Where they stand in the log, of those that were written to the spool as well. */
  readonly #logged = new WeakMap<Waiting, readonly (Taken | Problem)[]>()
  readonly #spooled = new WeakMap<Waiting, readonly Position[]>()

  constructor(place: TopicPartition, at: { cursor: Offset; end: Offset }, parts: LineParts) {
    this.place = place
    this.lane = new SpoolLane(parts.rules, at)
    this.#parts = parts
  }

  take(parcel: Waiting): void {
    this.#tell((lane, now) => lane.arrived(parcel, now))
  }

  look(): void {
    this.#tell((lane, now) => lane.look(now))
  }

  /** The log has taken something of another lane. */
  logIsBack(): void {
    this.#tell((lane, now) => lane.logIsBack(now))
  }

  /** Resolves when nothing is being written to the spool any more. */
  async written(): Promise<void> {
    await Promise.all(this.#writes)
  }

  #tell(event: (lane: SpoolLane<Waiting>, now: number) => readonly Step<Waiting>[]): void {
    const { clock, signal, observer } = this.#parts
    if (signal.aborted) return
    for (const step of event(this.lane, clock.monotonic())) this.#do(step)
    if (this.lane.backlog === 0) this.oldestAt = undefined
    observer.stepped(this)
  }

  #do(step: Step<Waiting>): void {
    switch (step.kind) {
      case 'append':
        void this.#append(step.parcels)
        return
      case 'write': {
        const write = this.#write(step.parcels)
        this.#writes.add(write)
        void write.then(() => this.#writes.delete(write))
        return
      }
      case 'drain':
        void this.#drain(step.from, step.most)
        return
      case 'save':
        this.#parts.save(this.place, step.cursor, error =>
          this.#tell((lane, now) => lane.saved(error === undefined ? step.cursor : undefined, now)),
        )
    }
  }

  /** Never rejects, as the following. */
  async #append(parcels: readonly Waiting[]): Promise<void> {
    const { topic } = this.place
    for (const parcel of parcels) {
      parcel.lease.hold()
      this.#unknown.add(parcel)
    }
    try {
      const taken = await this.#appendFitting(parcels.flatMap(({ records }) => records))
      this.reason = undefined
      this.#settleLogged(parcels, taken)
      this.#tell((lane, now) => lane.appended(now))
    } catch (error) {
      this.reason = reasonOf(error)
      if (isRefusal(error)) {
        const problem = problemOf(error)
        for (const parcel of parcels) {
          if (parcel.settle(parcel.records.map(() => problem)))
            this.#parts.observer.refused({ topic, problem, count: parcel.count, error })
        }
        this.#tell((lane, now) => lane.refused(now))
        return
      }
      if (storedNothing(error)) for (const parcel of parcels) this.#unknown.delete(parcel)
      this.#tell((lane, now) => lane.failed(now))
    } finally {
      for (const parcel of parcels) parcel.lease.release()
    }
  }

  /** What the log finds too large was refused before anything was stored: the others are not at fault. */
  async #appendFitting(records: readonly AppendRecord[]): Promise<readonly (AppendOutcome | Problem)[]> {
    try {
      return await this.#toLog(records)
    } catch (error) {
      const index = tooLargeAt(error)
      if (index === undefined) throw error
      const others = records.toSpliced(index, 1)
      return (others.length === 0 ? [] : await this.#appendFitting(others)).toSpliced(
        index,
        0,
        problemOf(error),
      )
    }
  }

  async #toLog(records: readonly AppendRecord[]): Promise<readonly AppendOutcome[]> {
    const { log, declare } = this.#parts
    await declare(this.place.topic)
    return await log.append(this.place.topic, records)
  }

  #settleLogged(parcels: readonly Waiting[], taken: readonly (AppendOutcome | Problem)[]): void {
    const { clock, observer } = this.#parts
    let at = 0
    for (const parcel of parcels) {
      const own = taken.slice(at, (at += parcel.count))
      this.#logged.set(parcel, own)
      this.#tellMoved(parcel)
      if (!parcel.settle(own)) continue
      const count = own.filter(one => !('code' in one) && one.kind === 'appended').length
      observer.logged({ topic: this.place.topic, count, waitedMs: clock.monotonic() - parcel.arrivedAt })
    }
  }

  async #write(parcels: readonly Waiting[]): Promise<void> {
    const { storage, clock, observer, checkRoom } = this.#parts
    const { topic, partition } = this.place
    for (const { lease } of parcels) lease.hold()
    this.oldestAt ??= clock.now()
    try {
      checkRoom()
      const records = parcels.flatMap(parcel => parcel.records.map(record => inLane(record, partition)))
      const outcomes = await storage.append(topic, records)
      const positions = outcomes.map(({ position }) => position)
      let at = 0
      const ends = parcels.map(parcel => {
        const own = positions.slice(at, (at += parcel.count))
        this.#spooled.set(parcel, own)
        this.#tellMoved(parcel)
        if (parcel.settle(own.map(position => ({ kind: 'spooled', position }))))
          observer.spooled({ topic, count: parcel.count, waitedMs: clock.monotonic() - parcel.arrivedAt })
        return behind(own.at(-1))
      })
      this.#tell((lane, now) => lane.written(parcels, ends, now))
    } catch (error) {
      for (const parcel of parcels) {
        const problem: Problem = this.#unknown.has(parcel)
          ? { code: 'outcome_unknown', detail: 'neither the log nor the spool confirmed the event' }
          : problemOf(error)
        if (parcel.settle(parcel.records.map(() => problem)))
          observer.refused({ topic, problem, count: parcel.count, error })
      }
      this.#tell((lane, now) => lane.notWritten(parcels, now))
    } finally {
      for (const { lease } of parcels) lease.release()
    }
  }

  async #drain(from: Offset, most: number): Promise<void> {
    const { storage, signal, observer, rules } = this.#parts
    try {
      const limits = { maxRecords: most, maxBytes: rules.maxBytes, waitMs: 0 }
      const { records, next } = await storage.read({ ...this.place, offset: from }, limits, signal)
      const [oldest] = records
      if (!oldest)
        throw new HoldfastError('LOG_CORRUPT', {
          detail: `the spool ends before ${from} of ${partitionId(this.place)}`,
        })
      this.oldestAt = oldest.timestamp
      const outcomes = await this.#drainInOne(records)
      this.reason = undefined
      for (const [i, record] of records.entries()) {
        const to = outcomes[i]?.position
        if (to) observer.moved(record, to)
      }
      const count = outcomes.filter(outcome => outcome !== undefined).length
      observer.drained({ topic: this.place.topic, count })
      const last = records[outcomes.length]?.offset ?? next
      this.#tell((lane, now) => lane.drained(last, outcomes.length, now))
    } catch (error) {
      this.reason = reasonOf(error)
      this.#tell((lane, now) => lane.failed(now))
    }
  }

  async #drainInOne(records: readonly LogRecord[]): Promise<readonly (AppendOutcome | undefined)[]> {
    try {
      return await this.#toLog(records.map(asAppended))
    } catch (error) {
      if (!isTooLarge(error)) throw error
      return await this.#drainSingly(records)
    }
  }

  /**
   * One of them is too large, which is set aside; its outcome is undefined. Some may have been stored before it was
   * refused, and are stored again: once, for what is done here is done, also when the log goes away, or the spool is full,
   * before the last.
   */
  async #drainSingly(records: readonly LogRecord[]): Promise<readonly (AppendOutcome | undefined)[]> {
    const outcomes: (AppendOutcome | undefined)[] = []
    for (const record of records) {
      try {
        outcomes.push(await this.#drainOne(record))
      } catch (error) {
        if (outcomes.length === 0) throw error
        break
      }
    }
    return outcomes
  }

  /** Undefined once it is set aside. */
  async #drainOne(record: LogRecord): Promise<AppendOutcome | undefined> {
    try {
      const [outcome] = await this.#toLog([asAppended(record)])
      return outcome
    } catch (error) {
      if (!isTooLarge(error)) throw error
      await this.#parts.setAside(record, error)
      return undefined
    }
  }

  /** Of a late append that was stored after all, once both its places are known. */
  #tellMoved(parcel: Waiting): void {
    const logged = this.#logged.get(parcel)
    const spooled = this.#spooled.get(parcel)
    if (!logged || !spooled) return
    for (const [i, from] of spooled.entries()) {
      const to = logged[i]
      if (to && !('code' in to)) this.#parts.observer.moved(from, to.position)
    }
  }
}

/** Refusals of these records or of the whole collector: the spool would only refuse them later. */
function isRefusal(error: unknown): boolean {
  return isHoldfastError(error, 'LOG_TOPIC_UNKNOWN', 'LOG_RECORD_TOO_LARGE', 'LOG_CLOSED', 'CONFIG_INVALID')
}

/** Everything else is not known to have stored nothing. */
function storedNothing(error: unknown): boolean {
  return isHoldfastError(error, 'LOG_STALLED', 'LOG_FULL', 'LOG_DENIED')
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function inLane({ key, value, headers }: AppendRecord, partition: number): AppendRecord {
  return { key, value, headers, partition }
}

/** As it came: the log chooses the partition by its own rule. */
function asAppended({ key, value, headers }: LogRecord): AppendRecord {
  return { key, value, headers }
}

/** Where to read on behind a record, whatever comes there. */
function behind(position: Position | undefined): Offset {
  return offset((position?.offset ?? -1n) + 1n)
}
