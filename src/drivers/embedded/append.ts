import { HoldfastError, type Clock } from '../../event/index.ts'
import {
  checkRecordSizes,
  partitioner,
  type AppendOutcome,
  type AppendRecord,
  type Partitioner,
} from '../../log/index.ts'
import { AppendPlan, type AppendCall, type PreparedRecord } from './append-plan.ts'
import { unknownTopic, type CatalogueReader } from './catalogue.ts'
import { encodeRecord } from './chunk.ts'
import { dedupId, type KnownIds } from './dedup.ts'
import type { Place, Storage, StorageTransaction } from './storage.ts'

export interface AppenderDeps {
  readonly storage: Storage
  readonly catalogue: CatalogueReader
  readonly known: KnownIds
  readonly clock: Clock
  /** See `trusted-time.ts`. */
  readonly trustedNow: () => number
  readonly limits: { readonly maxRecordBytes: number; readonly maxQueueBytes: number }
  /** Told which partitions have new records, once they are durable. */
  readonly appended: (places: readonly Place[], size: { records: number; bytes: number }) => void
}

/**
 * Gathers the appends of all topics while a commit is under way and stores them with the next one. Nothing waits for a
 * timer: an append to an idle log is committed at once.
 */
export class Appender {
  readonly #deps: AppenderDeps
  readonly #partitioners = new Map<string, Partitioner>()
  #queue: AppendCall[] = []
  #queueBytes = 0
  #running: Promise<void> | undefined

  constructor(deps: AppenderDeps) {
    this.#deps = deps
  }

  append(topic: string, records: readonly AppendRecord[]): Promise<readonly AppendOutcome[]> {
    const { topicId, prepared } = this.#prepare(topic, records)
    if (prepared.length === 0) return Promise.resolve([])
    const bytes = prepared.reduce((sum, record) => sum + record.bytes.length, 0)
    this.#checkQueue(bytes)
    return new Promise((resolve, reject) => {
      this.#queue.push({ topic, topicId, records: prepared, bytes, resolve, reject })
      this.#queueBytes += bytes
      this.#running ??= this.#run()
    })
  }

  /** Resolves when all that was asked for is stored or refused. */
  async drain(): Promise<void> {
    await this.#running
  }

  #prepare(
    topic: string,
    records: readonly AppendRecord[],
  ): { readonly topicId: number; readonly prepared: readonly PreparedRecord[] } {
    const { storage, catalogue, limits } = this.#deps
    const stored = storage.view(view => catalogue.topic(view, topic))
    if (stored === undefined) throw unknownTopic(topic)
    checkRecordSizes(topic, records, limits.maxRecordBytes)
    let choose = this.#partitioners.get(topic)
    if (choose === undefined) this.#partitioners.set(topic, (choose = partitioner(topic)))
    const prepared: PreparedRecord[] = []
    for (const record of records) {
      const partition = choose(record, stored.partitions)
      const dedup = record.dedup && { id: dedupId(record.dedup), hash: record.dedup.hash }
      prepared.push({ partition, bytes: encodeRecord(record), dedup })
    }
    return { topicId: stored.id, prepared }
  }

  #checkQueue(bytes: number): void {
    const { maxQueueBytes } = this.#deps.limits
    // An idle queue takes one call of any size, or a call larger than the bound could never be stored.
    if (this.#queueBytes === 0 || this.#queueBytes + bytes <= maxQueueBytes) return
    throw new HoldfastError('LOG_FULL', {
      detail: `${this.#queueBytes} bytes wait to be stored, maxQueueBytes is ${maxQueueBytes}: the disk is slower than the producers`,
      facts: { queueBytes: this.#queueBytes, maxQueueBytes },
    })
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#commitNext()
    this.#running = undefined
  }

  async #commitNext(): Promise<void> {
    let calls: readonly AppendCall[] = []
    try {
      const plan = await this.#deps.storage.transact(tx => {
        calls = this.#take() // only now: calls that came while the transaction waited for its turn are in it
        return this.#plan(tx, calls)
      }, 'ordinary')
      this.#deps.appended(plan.places(), plan)
      for (const { call, outcomes } of plan.outcomes) call.resolve(outcomes)
    } catch (error) {
      // A closed or failed storage refuses before it asks: then all that wait are refused, or they would be tried for ever.
      for (const call of calls.length > 0 ? calls : this.#queue.splice(0)) call.reject(error)
    } finally {
      this.#queueBytes = this.#queue.reduce((sum, call) => sum + call.bytes, 0)
    }
  }

  /** Calls from the front up to {@link COMMIT_BYTES}, at least one. */
  #take(): readonly AppendCall[] {
    let bytes = 0
    const end = this.#queue.findIndex((call, i) => (bytes += call.bytes) > COMMIT_BYTES && i > 0)
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end)
  }

  #plan(tx: StorageTransaction, calls: readonly AppendCall[]): AppendPlan {
    const { catalogue, known, clock, trustedNow } = this.#deps
    const plan = new AppendPlan(tx, catalogue, known, clock.now())
    for (const call of calls) {
      try {
        plan.add(call)
      } catch (error) {
        call.reject(error)
      }
    }
    plan.write(() => known.table(tx, trustedNow()))
    return plan
  }
}

/** Work of one transaction is bounded: other processes wait for it, and so does this one's event loop. */
const COMMIT_BYTES = 8 * 1024 * 1024
