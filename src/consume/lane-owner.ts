import {
  HoldfastError,
  isHoldfastError,
  partitionId,
  sleep,
  type Clock,
  type Logger,
  type LogRecord,
  type NewRecord,
  type Offset,
  type Random,
} from '../event/index.ts'
import type { AppendOutcome, Log, OwnedPartition, ReadResult } from '../log/index.ts'
import { failureText } from '../recover/index.ts'
import {
  decodeLaneRecord,
  decodeNote,
  encodeLaneRecord,
  encodeNote,
  laneLetters,
  laneTopicOf,
  newTenureId,
  retryLane,
  type Body,
  type Effect,
  type Input,
  type LaneLetters,
  type LaneNote,
  type LaneSettings,
  type RetryLane,
  type RunEvent,
  type RunResult,
} from '../recover/lane/index.ts'
import { watermark, type Delivery, type Watermark } from './watermark.ts'

/**
 * Runs the machine of a partition with its retry lane on a log: it reads the topic and the lane, appends, commits and
 * calls handlers as it is told, and tells it what came of that. It decides nothing.
 *
 *   topic ──read──▶ ┌─────────┐ ──append──▶ lane ──read──▶ ┐
 *   lane  ──read──▶ │ machine │ ──letter──▶ dead letters   │ … and back in, one after another
 *   time  ────────▶ └─────────┘ ──run─────▶ handlers ──────┘
 */
export interface LaneOwner {
  readonly owned: OwnedPartition
  readonly phase: RetryLane['phase']
  /** Open entries of the lane. */
  readonly parked: number
  /** Everything below has its durable outcome in the topic or in the lane. */
  readonly commitable: Offset
  /** Why it stands still for good: the lane or the topic cannot be read. */
  readonly stopped: string | undefined
  /** Lets what runs come to its end for at most `drainMs`, then cuts it off, and lets go. */
  stop(drainMs: number): Promise<void>
}

export interface LaneOwnerOptions {
  readonly log: Log
  readonly owned: OwnedPartition
  readonly group: string
  /** The committed position with its note, read after the partition was owned. */
  readonly committed: { readonly offset: Offset; readonly note: string | undefined }
  readonly settings: LaneSettings
  /** Records of the topic taken from the log and not settled. */
  readonly maxInFlight: number
  readonly commitEveryMs: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /**
   * One result for each event; several events only in a group that takes batches. An event that is to run `again` does so
   * at once: whatever it waits for (a breaker, the group's pause) is waited for in here. Must not throw.
   */
  run(events: readonly LaneEvent[], signal: AbortSignal): Promise<readonly RunResult[]>
  /** Whether it was applied, found out without its handler; undefined when the database is away. */
  applied(event: LaneEvent, signal: AbortSignal): Promise<boolean | undefined>
  /** Stores position and note under the epoch; false when another member owns the partition. */
  commit(position: Offset, note: string): Promise<boolean>
}

/** An event as its topic had it. */
export interface LaneEvent {
  readonly record: LogRecord
  /** Failed attempts so far. */
  readonly attempts: number
}

const FETCH = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 1_000 }
const ONE = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
/** Between tries of what failed. */
const RETRY_MS = 1_000
/** When something waits for a commit. Not at once, so that several things share one. */
const SOON_MS = 5
/** After handlers were cut off, for their marks and the last commit. */
const LET_GO_MS = 1_000

export function laneOwner(options: LaneOwnerOptions): LaneOwner {
  return new Owner(options)
}

type Append = Extract<Effect, { kind: 'append' }>

class Owner implements LaneOwner {
  readonly owned: OwnedPartition
  stopped: string | undefined
  readonly #o: LaneOwnerOptions
  readonly #lane: string
  readonly #mark: Watermark
  readonly #letters: LaneLetters
  /** Undefined until it is known where the lane begins. */
  #machine: RetryLane | undefined
  /** Records of the topic that are not settled. */
  readonly #open = new Map<Offset, { readonly record: LogRecord; readonly delivery: Delivery }>()
  /** In the order in which they must become durable. */
  #appends: Append[] = []
  #appending = false
  #cancelTick: (() => void) | undefined
  #cancelCommit: (() => void) | undefined
  #commitAt = Infinity
  /** Aborted first: nothing new is taken in. */
  readonly #intake = new AbortController()
  /** Handlers are cut off. */
  readonly #work = new AbortController()
  /** Aborted last: it is over. */
  readonly #life = new AbortController()
  readonly #over = Promise.withResolvers<void>()
  #changed = Promise.withResolvers<void>()

  constructor(options: LaneOwnerOptions) {
    const { owned, group, committed, log, clock } = options
    this.#o = options
    this.owned = owned
    this.#lane = laneTopicOf(owned.topic, group)
    this.#mark = watermark(committed.offset)
    this.#letters = laneLetters({ log, origin: owned, group, clock, signal: this.#life.signal })
    void this.#begin().catch((error: unknown) => this.#halt(error))
  }

  get phase(): RetryLane['phase'] {
    return this.#machine?.phase ?? 'taking-over'
  }

  get parked(): number {
    return this.#machine?.open ?? 0
  }

  get commitable(): Offset {
    return this.#mark.commitable
  }

  async stop(drainMs: number): Promise<void> {
    this.#intake.abort()
    this.#tell({ kind: 'stop' })
    const cut = new AbortController()
    const drained = sleep(this.#o.clock, drainMs, cut.signal).then(() => this.#work.abort())
    const late = drained.then(() => sleep(this.#o.clock, LET_GO_MS, cut.signal))
    // Not taken over yet, or stopped by damage: there is nothing to let go of.
    if (this.phase === 'live' && this.stopped === undefined) await Promise.race([this.#over.promise, late])
    cut.abort()
    await drained
    this.#end()
  }

  #end(): void {
    this.#intake.abort()
    this.#work.abort()
    this.#life.abort()
    this.#cancelTick?.()
    this.#cancelCommit?.()
    this.#over.resolve()
    this.#changed.resolve()
  }

  // ---- the machine

  async #begin(): Promise<void> {
    const { log, owned, group, committed, settings, random } = this.#o
    const { start } = await log.bounds(this.#lanePlace())
    const where = `${group} on ${partitionId(owned)}`
    const note: LaneNote | undefined =
      committed.note === undefined ? undefined : decodeNote(committed.note, where)
    const mark = this.#mark
    this.#machine = retryLane({
      topic: owned.topic,
      group,
      generation: 0,
      tenure: newTenureId(random),
      committed: committed.offset,
      note,
      laneStart: start,
      watermark: {
        completed: offset => this.#completed(offset),
        get commitable() {
          return mark.commitable
        },
      },
      settings,
    })
    this.#tell({ kind: 'tick' })
    void this.#readLane(note?.lane ?? start).catch((error: unknown) => this.#halt(error))
  }

  #tell(input: Input): void {
    const machine = this.#machine
    if (!machine || this.#life.signal.aborted) return
    const before = machine.phase
    try {
      for (const effect of machine.handle(input, this.#o.clock.now())) this.#do(effect)
    } catch (error) {
      return this.#halt(error)
    }
    if (before === 'taking-over' && machine.phase === 'live')
      void this.#readTopic().catch((error: unknown) => this.#halt(error))
    if (machine.phase === 'over') return this.#end()
    this.#schedule(machine)
    const changed = this.#changed
    this.#changed = Promise.withResolvers()
    changed.resolve()
  }

  #do(effect: Effect): void {
    switch (effect.kind) {
      case 'append':
        this.#appends.push(effect)
        void this.#append().catch((error: unknown) => this.#halt(error))
        return
      case 'run':
        return this.#see('an event could not be read for its run', async () => {
          const events = await Promise.all(effect.events.map(event => this.#event(event)))
          return { kind: 'ran', run: effect.run, results: await this.#o.run(events, this.#work.signal) }
        })
      case 'check':
        return this.#see('an event could not be looked up in the inbox', async () => {
          const event = await this.#event(effect.event)
          return {
            kind: 'checked',
            ref: effect.ref,
            applied: await this.#o.applied(event, this.#work.signal),
          }
        })
      case 'letter':
        return this.#see('a dead letter could not be written', async () => {
          const { letter, ref } = effect
          const died = letter.death && (await this.#body(letter.origin, letter.death.body))
          await this.#letters.write(letter, died)
          return { kind: 'written', ref }
        })
      case 'look-up':
        return this.#see('a dead letter could not be read', async () => {
          const letter = await this.#letters.find(effect.origin)
          return { kind: 'looked-up', ref: effect.ref, letter }
        })
      case 'commit':
        return this.#see('a commit failed', async () => {
          const accepted = await this.#o.commit(effect.main, encodeNote(effect.note))
          return { kind: accepted ? 'committed' : 'refused' }
        })
      case 'settled':
        this.#open.delete(effect.offset)
    }
  }

  /** Does something until it succeeds, and tells the machine. Nothing passes it by meanwhile: its input is missing. */
  #see(trouble: string, what: () => Promise<Input>): void {
    const seeing = async (): Promise<void> => {
      while (!this.#life.signal.aborted) {
        let input: Input | undefined
        try {
          input = await what()
        } catch (error) {
          await this.#failed(trouble, error)
        }
        if (input) return this.#tell(input)
      }
    }
    void seeing().catch((error: unknown) => this.#halt(error))
  }

  /** One call after another, in the order in which the machine asked: a failed one is tried again before the next. */
  async #append(): Promise<void> {
    if (this.#appending) return
    this.#appending = true
    while (this.#appends.length > 0 && !this.#life.signal.aborted) {
      const batch = this.#appends.slice(0, FETCH.maxRecords)
      let outcomes: readonly AppendOutcome[]
      try {
        const records = await Promise.all(batch.map(append => this.#record(append)))
        outcomes = await this.#o.log.append(this.#lane, records)
      } catch (error) {
        await this.#failed('an append to the retry lane failed: the partition waits', error)
        continue
      }
      this.#appends.splice(0, batch.length)
      for (const [i, { record }] of batch.entries()) {
        const position = outcomes[i]?.position.offset
        if (position !== undefined) this.#tell({ kind: 'appended', seq: record.seq, position })
      }
    }
    this.#appending = false
  }

  async #failed(what: string, error: unknown): Promise<void> {
    const { logger, clock, group } = this.#o
    if (this.#life.signal.aborted) return
    logger.warn({ group, partition: partitionId(this.owned), error: failureText(error) }, what)
    await sleep(clock, RETRY_MS, this.#life.signal)
  }

  // ---- bytes

  async #record({ record, body }: Append): Promise<NewRecord> {
    const { partition } = this.owned
    if (record.kind !== 'park') return encodeLaneRecord(record, partition)
    if (!body) throw new HoldfastError('INTERNAL', { detail: `a park of ${record.origin} without its event` })
    const { key, headers, value, timestamp } = await this.#body(record.origin, body)
    return encodeLaneRecord({ ...record, event: { key, headers, value, time: timestamp } }, partition)
  }

  async #event({ origin, attempts, body }: RunEvent): Promise<LaneEvent> {
    return { record: await this.#body(origin, body), attempts }
  }

  /** The event as its topic had it. Bytes are read when they are needed: the machine holds none. */
  async #body(origin: Offset, body: Body): Promise<LogRecord> {
    const { topic, partition } = this.owned
    switch (body.from) {
      case 'topic': {
        const open = this.#open.get(body.offset)
        if (!open) throw new HoldfastError('INTERNAL', { detail: `record ${body.offset} is settled already` })
        return open.record
      }
      case 'letter':
        return this.#letters.event(body.origin)
      case 'lane': {
        const at = { ...this.#lanePlace(), offset: body.position }
        const { records } = await this.#o.log.read(at, ONE, this.#life.signal)
        const parked = records[0] && decodeLaneRecord(records[0])
        if (parked?.kind !== 'park' || parked.origin !== origin) throw this.#missing(origin, body.position)
        const { key, headers, value, time } = parked.event
        return { topic, partition, offset: origin, key, headers, value, timestamp: time }
      }
    }
  }

  #missing(origin: Offset, position: Offset): HoldfastError {
    return new HoldfastError('LOG_CORRUPT', {
      detail: `event ${origin} is not where the retry lane has it (${this.#lane}/${this.owned.partition} offset ${position})`,
    })
  }

  // ---- reading

  async #readLane(from: Offset): Promise<void> {
    let position = from
    while (!this.#life.signal.aborted) {
      const page = await this.#page({ ...this.#lanePlace(), offset: position }, this.#life.signal)
      if (!page) continue
      const records = page.records.map(record => ({ ...decodeLaneRecord(record), position: record.offset }))
      if (page.next > position) this.#tell({ kind: 'read', records, next: page.next })
      position = page.next
    }
  }

  async #readTopic(): Promise<void> {
    const signal = this.#intake.signal
    let position = this.#o.committed.offset
    while (!signal.aborted) {
      await this.#room(signal)
      const maxRecords = Math.max(1, Math.min(FETCH.maxRecords, this.#o.maxInFlight - this.#open.size))
      const page = await this.#page({ ...this.#topicPlace(), offset: position }, signal, maxRecords)
      if (!page || signal.aborted) continue
      for (const record of page.records) {
        this.#open.set(record.offset, { record, delivery: this.#mark.delivered(record) })
        this.#tell({ kind: 'delivered', offset: record.offset, key: record.key })
      }
      this.#mark.readUpTo(page.next)
      if (page.next > position) this.#tell({ kind: 'tick' })
      position = page.next
    }
  }

  async #room(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (this.#machine?.full || this.#open.size >= this.#o.maxInFlight))
      await this.#changed.promise
  }

  /** Undefined when it is to be tried again. Throws what no trying mends. */
  async #page(
    at: { readonly topic: string; readonly partition: number; readonly offset: Offset },
    signal: AbortSignal,
    maxRecords: number = FETCH.maxRecords,
  ): Promise<ReadResult | undefined> {
    try {
      return await this.#o.log.read(at, { ...FETCH, maxRecords }, signal)
    } catch (error) {
      if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE', 'LOG_CORRUPT', 'LOG_CLOSED')) throw error
      await this.#failed('reading the log failed, trying again', error)
      return undefined
    }
  }

  // ---- small

  /** Something is not as it must be. Whoever hears of it asks the log first who the owner is: a former one may stumble. */
  #halt(error: unknown): void {
    if (this.#life.signal.aborted) return
    this.stopped = failureText(error)
    this.#end()
    const facts = { group: this.#o.group, partition: partitionId(this.owned) }
    if (!isHoldfastError(error, 'LOG_CLOSED')) this.#o.logger.error(facts, `stopped: ${this.stopped}`)
  }

  #completed(offset: Offset): void {
    const open = this.#open.get(offset)
    if (!open) throw new HoldfastError('INTERNAL', { detail: `record ${offset} was settled twice` })
    this.#mark.completed(open.delivery)
  }

  #schedule(machine: RetryLane): void {
    const { clock, commitEveryMs } = this.#o
    this.#cancelTick?.()
    const { dueAt, commitDue } = machine
    this.#cancelTick =
      dueAt === undefined
        ? undefined
        : clock.after(Math.max(0, dueAt - clock.now()), () => this.#tell({ kind: 'tick' }))
    if (commitDue === 'no') return
    const at = clock.monotonic() + (commitDue === 'soon' ? SOON_MS : commitEveryMs)
    if (at >= this.#commitAt) return
    this.#cancelCommit?.()
    this.#commitAt = at
    this.#cancelCommit = clock.after(at - clock.monotonic(), () => {
      this.#commitAt = Infinity
      this.#tell({ kind: 'commit-due' })
    })
  }

  #lanePlace(): { topic: string; partition: number } {
    return { topic: this.#lane, partition: this.owned.partition }
  }

  #topicPlace(): { topic: string; partition: number } {
    return { topic: this.owned.topic, partition: this.owned.partition }
  }
}
