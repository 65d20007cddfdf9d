import {
  idHeaders,
  isHoldfastError,
  offset,
  partitionId,
  timeOfId,
  type Clock,
  type LogRecord,
  type Offset,
  type Position,
  type TopicPartition,
} from '../event/index.ts'
import { inParts } from './in-parts.ts'
import { outOfReach } from './out-of-reach.ts'
import type { FindOptions, IdSearch, Log, ReadLimits, ReadResult, TopicSettings, Unsearched } from './port.ts'

/**
 * When an event was stored whose id carries a time, beside that time. Appends that wait longer are refused long before; a
 * second earlier, because the clocks of two processes are read at two moments.
 */
export const madeAround = { beforeMs: 1_000, afterMs: 60_000 } as const

/**
 * What `findId` answers, for a log that keeps no index: an id that carries its time is looked for around it first, and then
 * all is read from the new end on, as far as patience goes.
 */
export function findByReading(log: Log, id: string, options: FindOptions, clock: Clock): Promise<IdSearch> {
  return new Reading(log, id, options, clock).run()
}

interface Stretch extends TopicPartition {
  readonly from: bigint
  readonly to: bigint
}

const BLOCK_EVENTS = 5_000n
const PAGE = { maxRecords: 5_000, maxBytes: 8 * 1024 * 1024, waitMs: 0 }
const ONE = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
/** Stretches that were not searched of which it is said when they end. */
const MAX_DATED = 100

class Reading {
  readonly #log: Log
  readonly #id: string
  readonly #options: FindOptions
  readonly #clock: Clock
  readonly #until: number
  /** By place: with gaps between offsets a read may reach into the next stretch. */
  readonly #records = new Map<string, LogRecord>()
  readonly #left: Stretch[] = []
  /** Partitions that cannot be read, by their ids. */
  readonly #outOfReach = new Map<string, TopicPartition & { readonly why: string }>()
  #read = 0n

  constructor(log: Log, id: string, options: FindOptions, clock: Clock) {
    this.#log = log
    this.#id = id
    this.#options = options
    this.#clock = clock
    this.#until = clock.monotonic() + options.patienceMs
  }

  async run(): Promise<IdSearch> {
    const time = this.#options.as.includes('id') ? timeOfId(this.#id) : undefined
    let left = await this.#all()
    if (time !== undefined) {
      const around = await inParts(left, stretch =>
        this.#reached(stretch, async () => ({
          from: await this.#log.offsetAt(stretch, time - madeAround.beforeMs),
          to: await this.#log.offsetAt(stretch, time + madeAround.afterMs),
        })),
      )
      const rest: Stretch[] = []
      for (const [i, stretch] of left.entries()) {
        const { from, to } = around[i] ?? stretch
        await this.#readStretch({ ...stretch, from, to })
        rest.push({ ...stretch, to: from }, { ...stretch, from: to })
      }
      left = rest
    }
    while (!this.#isOver && (left = this.#readable(left)).length > 0) {
      const older: Stretch[] = []
      for (const stretch of left) {
        const from = stretch.to - BLOCK_EVENTS > stretch.from ? stretch.to - BLOCK_EVENTS : stretch.from
        await this.#readStretch({ ...stretch, from })
        older.push({ ...stretch, to: from })
      }
      left = older
    }
    this.#left.push(...left)
    const records = [...this.#records.values()]
    return {
      records: records
        .toSorted((a, b) => a.timestamp - b.timestamp || Number(a.offset - b.offset))
        .slice(0, this.#options.limit),
      more: records.length >= this.#options.limit,
      searched: { events: this.#read, read: this.#read },
      unsearched: await this.#unsearched(),
    }
  }

  get #isOver(): boolean {
    const { signal, limit } = this.#options
    return signal.aborted || this.#clock.monotonic() > this.#until || this.#records.size >= limit
  }

  /** A log on other machines may hold thousands of partitions of others. */
  async #all(): Promise<Stretch[]> {
    const topics = await this.#log.topics.list()
    const partitions = await inParts(topics, async topic => {
      const describe = (): Promise<TopicSettings | undefined> => this.#log.topics.describe(topic)
      const { partitions = 0 } = (await this.#reached({ topic, partition: 0 }, describe)) ?? {}
      return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    })
    const stretches = await inParts(partitions.flat(), async tp => {
      const bounds = await this.#reached(tp, () => this.#log.bounds(tp))
      return bounds && { ...tp, from: bounds.start, to: bounds.end }
    })
    return stretches.flatMap(one => one ?? [])
  }

  async #readStretch(stretch: Stretch): Promise<void> {
    const { signal, as } = this.#options
    const { from, to, ...tp } = stretch
    let at: Offset = offset(from)
    while (at < to && !this.#isOver) {
      const page = await this.#page({ ...tp, offset: at }, PAGE, signal)
      if (page === undefined || page.next === at) break
      for (const record of page.records) {
        if (record.offset >= to) break
        this.#read++
        if (as.some(role => record.headers[idHeaders[role]] === this.#id))
          this.#records.set(`${partitionId(record)}/${record.offset}`, record)
      }
      at = page.next
    }
    this.#left.push({ ...stretch, from: at })
  }

  /** What was left, with the time of the last event of each: of so many as anybody reads. */
  async #unsearched(): Promise<readonly Unsearched[]> {
    const parts = joined(this.#left.filter(({ from, to }) => from < to))
    const times = await inParts(parts.slice(0, MAX_DATED), async ({ topic, partition, to }) => {
      const at = { topic, partition, offset: offset(to - 1n) }
      const page = await this.#page(at, ONE, this.#options.signal)
      return page?.records[0]?.timestamp
    })
    const dated = parts.map(({ from, to, ...tp }, i) => ({
      ...tp,
      from: offset(from),
      to: offset(to),
      until: times[i],
      why: this.#outOfReach.get(partitionId(tp))?.why,
    }))
    const told = new Set(parts.map(partitionId))
    const unknown = [...this.#outOfReach].filter(([id]) => !told.has(id))
    const nothing = { from: offset(0), to: offset(0), until: undefined }
    return [...dated, ...unknown.map(([, tp]) => ({ ...tp, ...nothing }))]
  }

  /** Undefined at damage too. What retention took meanwhile is passed over. */
  #page(at: Position, limits: ReadLimits, signal: AbortSignal): Promise<ReadResult | undefined> {
    return this.#reached(at, async () => {
      try {
        return await this.#log.read(at, limits, signal)
      } catch (error) {
        if (isHoldfastError(error, 'LOG_CORRUPT')) return undefined
        if (!isHoldfastError(error, 'OFFSET_OUT_OF_RANGE')) throw error
        const { start, end } = await this.#log.bounds(at)
        return { records: [], next: start, end }
      }
    })
  }

  /** What is left to read; the rest of a partition that turned out not to be readable is not tried. */
  #readable(stretches: readonly Stretch[]): Stretch[] {
    const [closed, open] = [true, false].map(is =>
      stretches.filter(one => one.from < one.to && this.#outOfReach.has(partitionId(one)) === is),
    )
    this.#left.push(...(closed ?? []))
    return open ?? []
  }

  /** Undefined for what is out of reach. Asked once: another try takes time too. */
  async #reached<T>({ topic, partition }: TopicPartition, ask: () => Promise<T>): Promise<T | undefined> {
    const id = partitionId({ topic, partition })
    if (this.#outOfReach.has(id)) return undefined
    try {
      return await ask()
    } catch (error) {
      const why = outOfReach(error)
      if (why === undefined) throw error
      this.#outOfReach.set(id, { topic, partition, why })
      return undefined
    }
  }
}

/** Blocks that follow on one another as one. */
function joined(parts: readonly Stretch[]): Stretch[] {
  const whole: Stretch[] = []
  for (const part of parts.toSorted(
    (a, b) => partitionId(a).localeCompare(partitionId(b)) || Number(a.from - b.from),
  )) {
    const before = whole.at(-1)
    if (before !== undefined && partitionId(before) === partitionId(part) && before.to === part.from)
      whole[whole.length - 1] = { ...before, to: part.to }
    else whole.push(part)
  }
  return whole
}
