import {
  HoldfastError,
  type Clock,
  type Durability,
  type Finding,
  type Logger,
  type Offset,
  type Position,
  type Random,
  type TopicPartition,
} from '../../event/index.ts'
import type {
  AppendOutcome,
  Bounds,
  Log,
  LogObserver,
  ReadLimits,
  ReadResult,
  Topics,
  WantedTopic,
} from '../../log/index.ts'
import type { KafkaRecord } from './append-call.ts'
import { Appender } from './append.ts'
import { Cluster } from './cluster.ts'
import { DurabilityClass } from './durability.ts'
import { examine, type ExamineDeps } from './examine.ts'
import type { Link, MakeLink } from './link.ts'
import type { ResolvedKafkaOptions } from './options.ts'
import { Positions } from './positions.ts'
import { Reader } from './read.ts'
import { ProduceHub } from './produce-hub.ts'
import { ProducerIds } from './producer-ids.ts'
import { KafkaTopics } from './topics.ts'

export interface KafkaLogDeps {
  readonly makeLink: MakeLink
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly observer?: LogObserver | undefined
  /** Positions of groups in a topic go before it does. */
  readonly deleting: (topic: string) => Promise<void>
}

/** The log port on a Kafka cluster; each power is in a file of its own, and this puts them together. */
export class KafkaLog implements Log {
  readonly kind = 'kafka'
  readonly maxRecordBytes: number
  readonly topics: Topics
  readonly cluster: Cluster
  readonly positions: Positions
  readonly appender: Appender
  readonly #reader: Reader
  readonly #links: readonly Link[]
  readonly #durability: DurabilityClass
  readonly #examined: ExamineDeps
  readonly #closing = new AbortController()
  readonly #stopped = new AbortController()
  #closed: Promise<void> | undefined

  constructor(
    { makeLink, clock, random, logger, observer, deleting }: KafkaLogDeps,
    options: ResolvedKafkaOptions,
  ) {
    const { requestTimeoutMs } = options
    this.maxRecordBytes = options.maxRecordBytes
    // Appends never stand behind a question, nor a question behind an append that waits for the copies.
    const asking = makeLink({ requestTimeoutMs })
    const appending = makeLink({ requestTimeoutMs })
    this.#links = [asking, appending]
    this.#durability = new DurabilityClass(options, logger)
    this.cluster = new Cluster({ link: asking, bootstrap: options.connection.brokers, clock })
    const shared = { cluster: this.cluster, clock, random }
    const { signal } = this.#stopped
    this.#examined = { cluster: this.cluster, link: asking, options }
    this.positions = new Positions({ ...shared, link: asking, requestTimeoutMs, signal })
    const topics = new KafkaTopics({
      ...shared,
      link: asking,
      logger,
      durability: this.#durability,
      options,
      deleting,
      deleted: topic => this.appender.forget(topic),
    })
    this.appender = new Appender({
      ...shared,
      link: asking,
      limits: options,
      producers: new ProducerIds({ ...shared, link: asking, requestTimeoutMs }),
      hub: new ProduceHub({
        link: appending,
        requestTimeoutMs,
        compression: appending.compression(options.compression),
      }),
      facts: topic => topics.check(topic),
      renewed: (tp, error) => {
        observer?.renewed?.()
        logger.warn(
          { ...tp, err: error },
          'the broker lost the sequence of this producer: what it had not acknowledged is sent again, and may stand there twice',
        )
      },
      signal,
    })
    this.#reader = new Reader({
      ...shared,
      makeLink,
      requestTimeoutMs,
      positions: this.positions,
      closed: this.#closing.signal,
    })
    this.topics = {
      create: (topic, settings) => this.#open(() => topics.create(topic, settings)),
      describe: topic => this.#open(() => topics.describe(topic)),
      list: () => this.#open(() => topics.list()),
      delete: topic => this.#open(() => topics.delete(topic)),
    }
  }

  get durability(): Durability {
    return this.#durability.current
  }

  append(topic: string, records: readonly KafkaRecord[]): Promise<readonly AppendOutcome[]> {
    return this.#open(() => this.appender.append(topic, records))
  }

  read(at: Position, limits: ReadLimits, signal: AbortSignal): Promise<ReadResult> {
    return this.#open(() => this.#reader.read(at, limits, signal))
  }

  bounds(tp: TopicPartition): Promise<Bounds> {
    return this.#open(() => this.positions.bounds(tp))
  }

  offsetAt(tp: TopicPartition, time: number): Promise<Offset> {
    return this.#open(() => this.positions.offsetAt(tp, time))
  }

  examine(topics: readonly WantedTopic[]): Promise<readonly Finding[]> {
    return this.#open(() => examine(topics, this.#examined))
  }

  deleteRecords(before: Position): Promise<void> {
    return this.#open(async () => {
      await this.positions.deleteRecords(before)
      this.#reader.deleted(before)
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    await this.appender.drain()
    this.#stopped.abort()
    await Promise.all([...this.#links.map(link => link.close()), this.#reader.close()])
  }

  /** As if the process had died. */
  async abandon(): Promise<void> {
    this.#closed ??= Promise.resolve()
    this.#closing.abort()
    this.#stopped.abort()
    await Promise.all([...this.#links.map(link => link.close()), this.#reader.close()])
  }

  #open<T>(fn: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined)
      return Promise.reject(new HoldfastError('LOG_CLOSED', { detail: 'the log on Kafka' }))
    return fn()
  }
}
