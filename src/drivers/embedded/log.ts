import {
  HoldfastError,
  partitionId,
  type Clock,
  type Logger,
  type Offset,
  type Position,
  type Random,
  type TopicPartition,
} from '../../event/index.ts'
import type {
  AppendOutcome,
  AppendRecord,
  Bounds,
  FindOptions,
  FindsIds,
  IdSearch,
  Imports,
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
import { importer } from './import.ts'
import { IdIndexer } from './id-indexer.ts'
import { searchId } from './id-search.ts'
import { Maintenance } from './maintenance.ts'
import type { OpenFolder } from './open-folder.ts'
import type { ResolvedEmbeddedOptions } from './options.ts'
import { Reader } from './read.ts'
import { enforceRetention } from './retention.ts'
import { storedTopics, sweepDeleted } from './topics.ts'
import { trustedTime } from './trusted-time.ts'

/** The log port on a folder; each power is in a file of its own, and this puts them together. */
export class EmbeddedLog implements Log, Retains, FindsIds {
  readonly kind = 'embedded'
  readonly durability = 'fsync'
  readonly maxRecordBytes: number
  readonly topics: Topics
  readonly imports: Pick<Imports, 'begin' | 'append'>
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
  readonly #maintenance: Maintenance[]
  #closed: Promise<void> | undefined

  constructor(
    opened: OpenFolder,
    catalogue: CatalogueReader,
    { clock, logger, random }: { clock: Clock; logger: Logger; random: Random },
    options: ResolvedEmbeddedOptions,
  ) {
    const { storage } = opened
    this.#opened = opened
    this.#catalogue = catalogue
    this.#clock = clock
    this.#logger = logger
    this.#options = options
    this.maxRecordBytes = options.maxRecordBytes
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
    this.imports = importer(storage, catalogue, place => this.#changes.wake(place))
    const work = { clock, logger, signal: this.#stop.signal }
    this.#maintenance = [
      new Maintenance({
        ...work,
        rest: () => options.retentionIntervalMs,
        failed: 'retention failed, it is tried again',
        run: signal => this.#retain(signal),
      }),
    ]
    if (options.idIndexBytes > 0) {
      const indexer = new IdIndexer({ storage, catalogue, clock, maxBytes: options.idIndexBytes })
      this.#maintenance.push(
        new Maintenance({
          ...work,
          // Give or take a quarter, so that processes that share a log do not make the same page at the same time.
          rest: () => options.idIndexIntervalMs * (0.75 + random() / 2),
          failed: 'the index of event ids could not be written, it is tried again',
          run: signal => indexer.run(signal),
        }),
      )
    }
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

  findId(id: string, options: FindOptions): Promise<IdSearch> {
    const { storage } = this.#opened
    return searchId({ storage, catalogue: this.#catalogue, clock: this.#clock }, id, options)
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
    this.#unwatch()
    this.#changes.close()
    await this.#appender.drain()
    await Promise.all(this.#maintenance.map(work => work.over))
    await storage.close()
    holding.release()
  }

  async #retain(signal: AbortSignal): Promise<void> {
    const { storage, space } = this.#opened
    await this.enforceRetention(signal)
    space.restore()
    this.#options.observe.space?.(storage.sizes())
  }

  #report(tp: TopicPartition, error: HoldfastError): void {
    const id = partitionId(tp)
    if (this.#reported.has(id)) return
    this.#reported.add(id)
    this.#logger.error({ err: error, ...tp }, 'partition stopped: the log holds bytes that were not written')
  }
}
