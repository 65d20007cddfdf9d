import {
  HoldfastError,
  type Clock,
  type Logger,
  type LogRecord,
  type Offset,
  type Position,
  type Random,
  type TopicPartition,
} from '../../event/index.ts'
import { partitioner, type Log, type LogSystem } from '../../log/index.ts'
import type { Appender } from '../appender.ts'
import type { CollectorLimits } from '../limits.ts'
import type { CollectObserver } from '../observer.ts'
import { logProof, READY_TOPIC, type ReadinessProof } from '../readiness.ts'
import type { Cursors } from './cursors.ts'
import type { LaneState } from './lane.ts'
import { Moved } from './moved.ts'
import { Line, type LineParts } from './line.ts'
import type { ResolvedSpoolOptions } from './options.ts'
import { SetAside } from './set-aside.ts'
import type { SetAsideBook, SetAsideStatus } from './set-aside-book.ts'
import { spoolAppender, type TopicLanes } from './spool-appender.ts'

/**
 * What stands between a collector and a log on other machines: events go to the log while it takes them, and to a folder
 * on this machine while it does not, and from there to the log in order. Every event that was answered with 202 is in
 * one of the two.
 *
 * The spool is a log too, on a disk of ours: for each topic one of the same name, of which each partition is a lane
 * (`lane.ts`). Which key belongs to which lane is decided here, so it does not need the log.
 */
export interface Spool extends ReadinessProof {
  status(): SpoolStatus
  readonly setAside: SetAside
  /** Where an event is that was spooled at this place; undefined for one that is not known, or no longer. */
  find(at: Position): Promise<SpooledEvent | undefined>
  /** For one collector. */
  appender(parts: SpoolAppenderParts): Appender
  /** Finishes what is being written. The log and the storage are closed by who opened them. */
  close(): Promise<void>
}

export interface SpoolStatus {
  readonly state: 'NORMAL' | 'SPOOLING' | 'DRAINING'
  /** Wall clock, milliseconds since 1970. */
  readonly since: number
  /** Events that only the spool has, as far as known, and the bytes that it takes for them. */
  readonly events: number
  readonly bytes: number
  /** Events beside those, which the log finds too large since they were spooled. */
  readonly setAside: SetAsideStatus
  /** How long the oldest of them has been waiting; 0 when there is none. */
  readonly oldestAgeMs: number
  /** Why the log does not take them. */
  readonly reason: string | undefined
  /** Where it is, as an absolute path. */
  readonly folder: string
}

export type SpooledEvent =
  | { readonly kind: 'spooled'; readonly record: LogRecord }
  | { readonly kind: 'logged'; readonly position: Position }

export interface SpoolParts {
  readonly log: Log
  /** An open log on a disk of this machine that nobody else has open. */
  readonly storage: LogSystem
  readonly topics: readonly { readonly name: string; readonly partitions: number }[]
  /** Makes the topic in the log, if that was not done yet. Rejects while the log is away. */
  readonly declare: (topic: string) => Promise<void>
  readonly options: ResolvedSpoolOptions
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly observer: CollectObserver
}

export interface SpoolAppenderParts {
  readonly limits: Pick<CollectorLimits, 'appendTimeoutMs'>
  /** As of `AppenderParts`. */
  readonly onAppend: (failure: unknown) => void
}

/** What the spool works with, made for it. */
export interface SpoolHands {
  readonly cursors: Cursors
  readonly setAside: { readonly book: SetAsideBook; readonly decidedEnd: Offset }
}

/** Use `openSpool`: it reads where the lanes stand. */
export class CollectorSpool implements Spool {
  readonly #parts: SpoolParts
  readonly #cursors: Cursors
  readonly #lines = new Map<string, TopicLanes & { readonly lines: Line[] }>()
  readonly setAside: SetAside
  readonly #life = new AbortController()
  readonly #lineParts: LineParts
  readonly #lookEveryMs: number
  /** Lines on which time has an effect. */
  readonly #looked = new Set<Line>()
  #disarm: (() => void) | undefined
  readonly #states = new Map<Line, LaneState>()
  #state: SpoolStatus['state'] = 'NORMAL'
  #since: number
  readonly #moved = new Moved()
  readonly #logProof: ReadinessProof
  #isGivenBack = false
  #onAppend: SpoolAppenderParts['onAppend'] = () => {}

  constructor(parts: SpoolParts, { cursors, setAside: { book, decidedEnd } }: SpoolHands) {
    const { log, storage, clock, random, options, observer, declare } = parts
    this.#parts = parts
    this.#cursors = cursors
    const moved = (from: Position, to: Position): void => this.#moved.add(from, to)
    this.setAside = new SetAside(
      { ...parts, cursors, signal: this.#life.signal, moved },
      { book, decidedEnd },
    )
    this.#since = clock.now()
    this.#logProof = logProof(log)
    this.#lookEveryMs = Math.max(1, Math.min(options.patienceMs / 4, 250))
    this.#lineParts = {
      log,
      storage: storage.log,
      clock,
      rules: {
        patienceMs: options.patienceMs,
        maxRecords: 500,
        maxBytes: 1024 * 1024,
        retryAfterMs: failures => Math.min(15_000, 500 * 2 ** failures) * (0.75 + random() / 2),
      },
      declare,
      checkRoom: () => this.#checkAge(),
      setAside: (record, error) => this.setAside.keep(record, messageOf(error)),
      save: (at, cursor, done) => cursors.save(at, cursor, done),
      signal: this.#life.signal,
      observer: {
        logged: ({ topic, count, waitedMs }) => {
          this.#onAppend(undefined)
          if (count > 0) observer.published?.({ topic, count, seconds: waitedMs / 1_000 })
        },
        spooled: ({ topic, count, waitedMs }) => {
          this.#onAppend(undefined)
          observer.spooled?.({ topic, count, seconds: waitedMs / 1_000 })
        },
        refused: ({ topic, problem, count, error }) => {
          this.#onAppend(error)
          observer.publishFailed?.({ topic, reason: problem.code, count })
        },
        drained: of => observer.drained?.(of),
        moved,
        stepped: line => this.#stepped(line),
      },
    }
  }

  add(place: TopicPartition, at: ConstructorParameters<typeof Line>[1]): void {
    const { topic } = place
    const known = this.#lines.get(topic) ?? { lines: [], choose: partitioner(topic) }
    known.lines.push(new Line(place, at, this.#lineParts))
    this.#lines.set(topic, known)
  }

  async start(): Promise<void> {
    await this.setAside.forgetThoseIn(({ topic, partition, offset: at }) => {
      const { lane } = this.#lines.get(topic)?.lines[partition] ?? {}
      return lane !== undefined && at >= lane.cursor
    })
    for (const line of this.#all()) {
      const { place, lane } = line
      if (lane.backlog === 0) continue
      const limits = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
      const at = { ...place, offset: lane.cursor }
      const { records } = await this.#parts.storage.log.read(at, limits, this.#life.signal)
      line.oldestAt = records[0]?.timestamp
    }
    const behind = this.#all().filter(({ lane }) => lane.backlog > 0)
    if (behind.length > 0) {
      for (const line of behind) this.#states.set(line, line.lane.state)
      this.#state = 'SPOOLING'
      const events = behind.reduce((sum, { lane }) => sum + lane.backlog, 0)
      this.#parts.logger.info({ events }, 'the spool holds events from before: the log is asked to take them')
    }
    for (const line of this.#all()) line.look()
    if (this.#state === 'NORMAL') this.#sendSetAside()
  }

  appender({ limits, onAppend }: SpoolAppenderParts): Appender {
    this.#onAppend = onAppend
    const { log, storage, clock } = this.#parts
    const bounds = [log.maxRecordBytes, storage.log.maxRecordBytes].filter(bound => bound !== undefined)
    return spoolAppender({
      lanesOf: topic => this.#lines.get(topic),
      maxRecordBytes: Math.min(...bounds),
      timeoutMs: limits.appendTimeoutMs,
      clock,
    })
  }

  /** Once for each start, unless the log is away: until the topic takes more it would be refused again. */
  #sendSetAside(): void {
    if (this.#isGivenBack || this.setAside.status().events === 0) return
    this.#isGivenBack = true
    void this.#giveBack()
  }

  async #giveBack(): Promise<void> {
    const { logger } = this.#parts
    const { signal } = this.#life
    const { refused, stopped } = await this.setAside
      .giveBack({}, signal)
      .catch((error: unknown) => ({ refused: 0, stopped: messageOf(error) }))
    if (signal.aborted) return
    if (refused > 0)
      logger.warn(
        { events: refused },
        'events that the spool has set aside are still too large: holdfast spool list',
      )
    if (stopped === undefined) return
    logger.warn(
      { reason: stopped },
      'what the spool has set aside was not sent again: it is when the log was away and is back',
    )
    this.#isGivenBack = false
  }

  /** Throws `LOG_FULL`. */
  #checkAge(): void {
    const { maxAgeMs } = this.#parts.options
    const ageMs = this.#oldestAgeMs()
    if (ageMs <= maxAgeMs) return
    throw new HoldfastError('LOG_FULL', {
      detail: `the oldest event of the spool has waited for ${Math.floor(ageMs / 1_000)} s, longer than its maxAge (${maxAgeMs / 1_000} s)`,
    })
  }

  #oldestAgeMs(): number {
    const now = this.#parts.clock.now()
    return Math.max(0, ...this.#all().map(({ oldestAt }) => now - (oldestAt ?? now)))
  }

  status(): SpoolStatus {
    const behind = this.#all().filter(({ lane }) => lane.backlog > 0)
    return {
      state: this.#state,
      since: this.#since,
      events: behind.reduce((sum, { lane }) => sum + lane.backlog, 0),
      bytes: behind.reduce((sum, { place }) => sum + (this.#parts.storage.bytesOf?.(place) ?? 0), 0),
      setAside: this.setAside.status(),
      oldestAgeMs: this.#oldestAgeMs(),
      reason: this.#reason(),
      folder: this.#parts.options.folder,
    }
  }

  #reason(): string | undefined {
    return this.#all().find(({ lane, reason }) => lane.state === 'spooling' && reason !== undefined)?.reason
  }

  async find(at: Position): Promise<SpooledEvent | undefined> {
    const line = this.#lines.get(at.topic)?.lines[at.partition]
    if (!line) return undefined
    const position = this.#moved.get(at)
    if (position) return { kind: 'logged', position }
    if (at.offset < line.lane.cursor) {
      const record = await this.setAside.find(at)
      return record && { kind: 'spooled', record }
    }
    const limits = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
    const { records } = await this.#parts.storage.log.read(at, limits, this.#life.signal)
    const [record] = records
    return record?.offset === at.offset ? { kind: 'spooled', record } : undefined
  }

  async prove(): Promise<string | undefined> {
    const { clock, options, storage } = this.#parts
    let reason: string | undefined
    if (this.#state === 'NORMAL') {
      const patienceMs = Math.min(options.patienceMs, PROOF_PATIENCE_MS)
      reason = await within(patienceMs, clock, () => this.#logProof.prove())
      if (reason === undefined) return undefined
    }
    this.#checkAge()
    await storage.log.append(READY_TOPIC, [{ value: null, headers: {} }])
    if (reason !== undefined) return `the log does not answer (${reason}): events will be kept in the spool`
    return this.#state === 'NORMAL' ? undefined : noteOf(this.status())
  }

  async close(): Promise<void> {
    this.#life.abort()
    this.#disarm?.()
    await Promise.all([this.setAside.drain(), ...this.#all().map(line => line.written())])
    await this.#cursors.drain()
  }

  #all(): readonly Line[] {
    return [...this.#lines.values()].flatMap(({ lines }) => lines)
  }

  #stepped(line: Line): void {
    const { state, wantsLooks } = line.lane
    const before = this.#states.get(line) ?? 'normal'
    if (state !== before) {
      if (state === 'normal') this.#states.delete(line)
      else this.#states.set(line, state)
      this.#changed()
      if (before === 'spooling' && state === 'draining')
        for (const [other, of] of this.#states) if (of === 'spooling') other.logIsBack()
    }
    if (!wantsLooks || this.#life.signal.aborted) return
    this.#looked.add(line)
    this.#disarm ??= this.#parts.clock.after(this.#lookEveryMs, () => this.#look())
  }

  #look(): void {
    this.#disarm = undefined
    for (const line of this.#looked) {
      if (!line.lane.wantsLooks) this.#looked.delete(line)
      else line.look()
    }
    if (this.#looked.size > 0) this.#disarm ??= this.#parts.clock.after(this.#lookEveryMs, () => this.#look())
  }

  #changed(): void {
    const { logger, clock } = this.#parts
    const states = [...this.#states.values()]
    const to = states.includes('spooling') ? 'SPOOLING' : states.length > 0 ? 'DRAINING' : 'NORMAL'
    if (to === this.#state) return
    this.#state = to
    this.#since = clock.now()
    const events = this.#all().reduce((sum, { lane }) => sum + lane.backlog, 0)
    if (to === 'SPOOLING')
      logger.warn({ reason: this.#reason(), events }, 'the log is away: events are kept in the spool')
    else if (to === 'DRAINING') logger.info({ events }, 'the log takes events again: the spool is drained')
    else {
      logger.info({}, 'the spool is empty: events go to the log')
      this.#sendSetAside()
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Undefined when it was done in time, otherwise why not. */
async function within(ms: number, clock: Clock, work: () => Promise<unknown>): Promise<string | undefined> {
  const late = Promise.withResolvers<string>()
  const cancel = clock.after(ms, () => late.resolve(`no answer within ${ms} ms`))
  const done = work().then(() => undefined, messageOf)
  try {
    return await Promise.race([done, late.promise])
  } finally {
    cancel()
  }
}

function noteOf({ state, events }: SpoolStatus): string {
  return state === 'SPOOLING'
    ? `the log is away, events are kept in the spool (${events} now)`
    : `the log is back, the spool is drained (${events} left)`
}

/** Less than who asks for a proof waits, so that there is time for one by the spool. */
const PROOF_PATIENCE_MS = 1_500
