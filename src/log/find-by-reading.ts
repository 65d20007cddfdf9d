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
import type { FindOptions, IdSearch, Log, ReadResult, Unsearched } from './port.ts'

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

class Reading {
  readonly #log: Log
  readonly #id: string
  readonly #options: FindOptions
  readonly #clock: Clock
  readonly #until: number
  /** By place: with gaps between offsets a read may reach into the next stretch. */
  readonly #records = new Map<string, LogRecord>()
  readonly #unsearched: Unsearched[] = []
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
    let left: Stretch[] = await this.#all()
    if (time !== undefined) {
      const rest: Stretch[] = []
      for (const stretch of left) {
        const from = await this.#log.offsetAt(stretch, time - madeAround.beforeMs)
        const to = await this.#log.offsetAt(stretch, time + madeAround.afterMs)
        await this.#readStretch({ ...stretch, from, to })
        rest.push({ ...stretch, to: from }, { ...stretch, from: to })
      }
      left = rest
    }
    while (left.length > 0) {
      const blocks = left.filter(({ from, to }) => from < to)
      left = []
      for (const stretch of blocks) {
        const from = stretch.to - BLOCK_EVENTS > stretch.from ? stretch.to - BLOCK_EVENTS : stretch.from
        await this.#readStretch({ ...stretch, from })
        left.push({ ...stretch, to: from })
      }
    }
    const records = [...this.#records.values()]
    return {
      records: records
        .toSorted((a, b) => a.timestamp - b.timestamp || Number(a.offset - b.offset))
        .slice(0, this.#options.limit),
      more: records.length >= this.#options.limit,
      searched: { events: this.#read, read: this.#read },
      unsearched: joined(this.#unsearched),
    }
  }

  async #all(): Promise<Stretch[]> {
    const stretches: Stretch[] = []
    for (const topic of await this.#log.topics.list()) {
      const { partitions = 0 } = (await this.#log.topics.describe(topic)) ?? {}
      for (let partition = 0; partition < partitions; partition++) {
        const { start, end } = await this.#log.bounds({ topic, partition })
        stretches.push({ topic, partition, from: start, to: end })
      }
    }
    return stretches
  }

  async #readStretch(stretch: Stretch): Promise<void> {
    const { signal, limit, as } = this.#options
    const { from, to, ...tp } = stretch
    let at: Offset = offset(from)
    while (
      at < to &&
      !signal.aborted &&
      this.#clock.monotonic() <= this.#until &&
      this.#records.size < limit
    ) {
      const page = await this.#page({ ...tp, offset: at }, signal)
      if (page === undefined || page.next === at) break // damage
      for (const record of page.records) {
        if (record.offset >= to) break
        this.#read++
        if (as.some(role => record.headers[idHeaders[role]] === this.#id))
          this.#records.set(`${partitionId(record)}/${record.offset}`, record)
      }
      at = page.next
    }
    if (at >= to) return
    const last = await this.#page({ ...tp, offset: offset(to - 1n) }, signal)
    this.#unsearched.push({ ...tp, from: at, to: offset(to), until: last?.records[0]?.timestamp })
  }

  /** Undefined at damage. What retention took meanwhile is passed over. */
  async #page(at: Position, signal: AbortSignal): Promise<ReadResult | undefined> {
    try {
      return await this.#log.read(at, PAGE, signal)
    } catch (error) {
      if (isHoldfastError(error, 'LOG_CORRUPT')) return undefined
      if (!isHoldfastError(error, 'OFFSET_OUT_OF_RANGE')) throw error
      const { start, end } = await this.#log.bounds(at)
      return { records: [], next: start, end }
    }
  }
}

/** Blocks that follow on one another as one. */
function joined(parts: readonly Unsearched[]): Unsearched[] {
  const whole: Unsearched[] = []
  for (const part of parts.toSorted(
    (a, b) => partitionId(a).localeCompare(partitionId(b)) || Number(a.from - b.from),
  )) {
    const before = whole.at(-1)
    if (before !== undefined && partitionId(before) === partitionId(part) && before.to === part.from)
      whole[whole.length - 1] = { ...before, to: part.to, until: part.until }
    else whole.push(part)
  }
  return whole
}
