import {
  HoldfastError,
  partitionId,
  sleep,
  type Clock,
  type NewRecord,
  type Offset,
  type Position,
  type TopicPartition,
} from '../../event/index.ts'
import {
  checkRecordSizes,
  checkTopic,
  forgetTopic,
  partitioner,
  type AppendOutcome,
  type AppendRecord,
  type Bounds,
  type GroupStore,
  type Imports,
  type Log,
  type Partitioner,
  type ReadLimits,
  type ReadResult,
  type Retains,
  type Topics,
  type TopicSettings,
} from '../../log/index.ts'
import type { ResolvedMemoryOptions } from './options.ts'
import { Partition, storedBytes } from './partition.ts'
import type { MemoryStore } from './store.ts'

const RECORDS_PER_SLICE = 1_000

/** The log as one opener sees it. Appends are done when the call returns, so there is nothing to drain. */
export class MemoryLog implements Log, Retains {
  readonly kind = 'memory'
  readonly durability = 'memory'
  readonly maxRecordBytes: number
  readonly topics: Topics
  readonly imports: Pick<Imports, 'begin' | 'append'>
  readonly #store: MemoryStore
  readonly #clock: Clock
  readonly #options: ResolvedMemoryOptions
  readonly #partitioners = new Map<string, Partitioner>()
  readonly #closed = new AbortController()

  constructor(store: MemoryStore, groups: GroupStore, clock: Clock, options: ResolvedMemoryOptions) {
    this.#store = store
    this.#clock = clock
    this.#options = options
    this.maxRecordBytes = options.maxRecordBytes
    this.topics = {
      create: async (topic, settings) => {
        this.#checkOpen()
        this.#createTopic(topic, settings)
      },
      describe: async topic => {
        this.#checkOpen()
        return store.topics.get(topic)?.settings
      },
      list: async () => {
        this.#checkOpen()
        return [...store.topics.keys()].toSorted()
      },
      delete: async topic => {
        this.#checkOpen()
        const partitions = store.topics.get(topic)?.partitions ?? []
        store.topics.delete(topic)
        await groups.transact(tx => forgetTopic(tx, topic))
        for (const partition of partitions) partition.wake()
      },
    }
    this.imports = {
      begin: async at => {
        this.#checkOpen()
        store.partition(at).begin(at.offset)
      },
      append: async (at, records) => {
        this.#checkOpen()
        const target = store.partition(at)
        target.expectEnd(at.offset)
        this.#checkRoom(records)
        for (const record of records) target.append(record, record.timestamp)
        target.wake()
      },
    }
  }

  async append(topic: string, records: readonly AppendRecord[]): Promise<readonly AppendOutcome[]> {
    this.#checkOpen()
    const { partitions } = this.#store.topic(topic)
    checkRecordSizes(topic, records, this.#options.maxRecordBytes)
    const targets = records.map(record => this.#choose(topic, record, partitions))
    this.#checkRoom(records)
    this.#store.ids.turn(this.#clock.monotonic(), this.#options.dedupWindowMs)
    const now = this.#clock.now()
    const outcomes = records.map((record, index) => this.#appendOne(record, targets[index], now))
    for (const target of new Set(targets)) target?.wake()
    return outcomes
  }

  async read(at: Position, limits: ReadLimits, signal: AbortSignal): Promise<ReadResult> {
    this.#checkOpen()
    const deadline = this.#clock.monotonic() + limits.waitMs
    const stop = AbortSignal.any([signal, this.#closed.signal])
    for (;;) {
      const partition = this.#store.partition(at)
      const result = partition.read(at.offset, limits)
      const left = deadline - this.#clock.monotonic()
      if (result.records.length > 0 || left <= 0 || stop.aborted) return result
      const changed = new AbortController()
      const forget = partition.onChange(() => changed.abort())
      await sleep(this.#clock, left, AbortSignal.any([stop, changed.signal]))
      forget()
    }
  }

  async bounds(tp: TopicPartition): Promise<Bounds> {
    this.#checkOpen()
    return this.#store.partition(tp).bounds()
  }

  async offsetAt(tp: TopicPartition, time: number): Promise<Offset> {
    this.#checkOpen()
    return this.#store.partition(tp).offsetAt(time)
  }

  async deleteRecords(before: Position): Promise<void> {
    this.#checkOpen()
    this.#store.partition(before).deleteBelow(before.offset)
  }

  async enforceRetention(signal: AbortSignal): Promise<ReadonlyMap<string, bigint>> {
    this.#checkOpen()
    const deleted = new Map<string, bigint>()
    for (const [topic, { settings, partitions }] of this.#store.topics) {
      const { retentionMs = Number.POSITIVE_INFINITY, retentionBytes = Number.POSITIVE_INFINITY } = settings
      for (const [index, partition] of partitions.entries()) {
        for (;;) {
          if (signal.aborted) return deleted
          const count = partition.trim(this.#clock.now() - retentionMs, retentionBytes, RECORDS_PER_SLICE)
          const id = partitionId({ topic, partition: index })
          if (count > 0) deleted.set(id, (deleted.get(id) ?? 0n) + BigInt(count))
          if (count < RECORDS_PER_SLICE) break
          await sleep(this.#clock, 0, signal) // others get their turn between slices
        }
      }
    }
    return deleted
  }

  async close(): Promise<void> {
    this.#closed.abort()
  }

  #appendOne(record: AppendRecord, target: Partition | undefined, now: number): AppendOutcome {
    const known = record.dedup && this.#store.ids.find(record.dedup)
    if (known) return known
    if (!target) throw new HoldfastError('INTERNAL', { detail: 'a record without a partition' })
    const { topic, partition, offset, timestamp } = target.append(record, now)
    const position = { topic, partition, offset }
    if (record.dedup) this.#store.ids.add(record.dedup, position)
    return { kind: 'appended', position, timestamp }
  }

  #createTopic(topic: string, settings: TopicSettings): void {
    checkTopic(topic, settings)
    const stored = this.#store.topics.get(topic) ?? { settings, partitions: [] }
    if (settings.partitions < stored.partitions.length) {
      throw new HoldfastError('LOG_TOPIC_EXISTS', {
        detail: `topic ${topic} has ${stored.partitions.length} partitions, and ${settings.partitions} are asked for`,
        facts: { topic, partitions: stored.partitions.length },
      })
    }
    while (stored.partitions.length < settings.partitions)
      stored.partitions.push(new Partition({ topic, partition: stored.partitions.length }))
    stored.settings = settings
    this.#store.topics.set(topic, stored)
  }

  #choose(topic: string, record: NewRecord, partitions: readonly Partition[]): Partition | undefined {
    let choose = this.#partitioners.get(topic)
    if (!choose) this.#partitioners.set(topic, (choose = partitioner(topic)))
    return partitions[choose(record, partitions.length)]
  }

  #checkRoom(records: readonly NewRecord[]): void {
    const needed = records.reduce((sum, record) => sum + storedBytes(record), 0)
    const used = this.#store.bytes()
    if (used + needed > this.#options.maxBytes) {
      throw new HoldfastError('LOG_FULL', {
        detail: `${used} of maxBytes (${this.#options.maxBytes}) are used, ${needed} more were asked for`,
        facts: { used, needed, maxBytes: this.#options.maxBytes },
      })
    }
  }

  #checkOpen(): void {
    if (this.#closed.signal.aborted) throw new HoldfastError('LOG_CLOSED', { detail: 'the memory log' })
  }
}
