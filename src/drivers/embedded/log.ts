import {
  HoldfastError,
  partitionId,
  type Clock,
  type Logger,
  type Offset,
  type Position,
  type TopicPartition,
} from '../../event/index.ts'
import type {
  AppendOutcome,
  AppendRecord,
  Bounds,
  Log,
  ReadLimits,
  ReadResult,
  Retains,
  Topics,
} from '../../log/index.ts'
import { Appender } from './append.ts'
import type { CatalogueReader } from './catalogue.ts'
import { Changes } from './changes.ts'
import { KnownIds } from './dedup.ts'
import { deleteRecords } from './delete-records.ts'
import type { OpenFolder } from './open-folder.ts'
import type { ResolvedEmbeddedOptions } from './options.ts'
import { Reader } from './read.ts'
import { enforceRetention } from './retention.ts'
import { storedTopics, sweepDeleted } from './topics.ts'
import { trustedTime } from './trusted-time.ts'

/** The log port on a folder; each power is in a file of its own, and this puts them together. */
export class EmbeddedLog implements Log, Retains {
  readonly kind = 'embedded'
  readonly durability = 'fsync'
  readonly topics: Topics
  readonly #opened: OpenFolder
  readonly #catalogue: CatalogueReader
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #options: ResolvedEmbeddedOptions
  readonly #trustedNow: () => number
  readonly #changes: Changes
  readonly #appender: Appender
  readonly #reader: Reader
  readonly #stop = new AbortController()
  /** Partitions whose damage was logged: one line each. */
  readonly #reported = new Set<string>()
  readonly #unwatch: () => void
  #cancelRetention: () => void = () => {}
  #retaining: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(
    opened: OpenFolder,
    catalogue: CatalogueReader,
    { clock, logger }: { clock: Clock; logger: Logger },
    options: ResolvedEmbeddedOptions,
  ) {
    const { storage } = opened
    this.#opened = opened
    this.#catalogue = catalogue
    this.#clock = clock
    this.#logger = logger
    this.#options = options
    this.#trustedNow = trustedTime(clock)
    this.#changes = new Changes(clock)
    this.#unwatch = storage.watch(() => this.#changes.wakeAll())
    this.#appender = new Appender({
      storage,
      catalogue,
      clock,
      known: new KnownIds(options.dedupWindowMs),
      trustedNow: this.#trustedNow,
      limits: options,
      appended: places => {
        for (const place of places) this.#changes.wake(place)
      },
    })
    const corrupt = (tp: TopicPartition, error: HoldfastError): void => this.#report(tp, error)
    this.#reader = new Reader({ storage, catalogue, changes: this.#changes, clock, corrupt })
    this.topics = storedTopics(storage, catalogue, () => this.#changes.wakeAll())
    this.#scheduleRetention()
  }

  append(topic: string, records: readonly AppendRecord[]): Promise<readonly AppendOutcome[]> {
    if (this.#closed !== undefined)
      return Promise.reject(new HoldfastError('LOG_CLOSED', { detail: 'the embedded log' }))
    return this.#appender.append(topic, records)
  }

  read(at: Position, limits: ReadLimits, signal: AbortSignal): Promise<ReadResult> {
    return this.#reader.read(at, limits, signal)
  }

  async bounds(tp: TopicPartition): Promise<Bounds> {
    return this.#reader.bounds(tp)
  }

  async offsetAt(tp: TopicPartition, time: number): Promise<Offset> {
    return this.#reader.offsetAt(tp, time)
  }

  deleteRecords(before: Position): Promise<void> {
    return deleteRecords(this.#opened.storage, this.#catalogue, before)
  }

  async enforceRetention(signal: AbortSignal): Promise<ReadonlyMap<string, bigint>> {
    const { storage } = this.#opened
    const stop = AbortSignal.any([signal, this.#stop.signal])
    while (!stop.aborted && !(await sweepDeleted(storage, this.#catalogue)));
    return enforceRetention(
      { storage, catalogue: this.#catalogue, clock: this.#clock, trustedNow: this.#trustedNow },
      stop,
    )
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { storage, holding } = this.#opened
    this.#stop.abort()
    this.#cancelRetention()
    this.#unwatch()
    this.#changes.close()
    await this.#appender.drain()
    await this.#retaining
    await storage.close()
    holding.release()
  }

  #scheduleRetention(): void {
    this.#cancelRetention = this.#clock.after(this.#options.retentionIntervalMs, () => {
      this.#retaining = this.#retain()
    })
  }

  async #retain(): Promise<void> {
    const { storage, space } = this.#opened
    try {
      await this.enforceRetention(this.#stop.signal)
      space.restore()
      this.#options.observe.space?.(storage.sizes())
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#logger.warn({ err: error }, 'retention failed, it is tried again')
    }
    if (!this.#stop.signal.aborted) this.#scheduleRetention()
  }

  #report(tp: TopicPartition, error: HoldfastError): void {
    const id = partitionId(tp)
    if (this.#reported.has(id)) return
    this.#reported.add(id)
    this.#logger.error({ err: error, ...tp }, 'partition stopped: the log holds bytes that were not written')
  }
}
