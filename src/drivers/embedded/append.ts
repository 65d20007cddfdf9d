import { HoldfastError, type Clock } from '../../event/index.ts'
import {
  checkRecordSizes,
  partitioner,
  type AppendOutcome,
  type AppendRecord,
  type Partitioner,
} from '../../log/index.ts'
import { AppendPlan, type AppendCall, type PreparedRecord } from './append-plan.ts'
import type { CatalogueReader } from './catalogue.ts'
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
  readonly appended: (places: readonly Place[]) => void
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
    return new Promise((resolve, reject) => {
      // Done here and not within the transaction: nobody else can write while that lasts.
      const prepared = records.map(prepare)
      const bytes = this.#checkSizes(topic, records, prepared)
      this.#checkQueue(bytes)
      this.#queue.push({ topic, records: prepared, bytes, resolve, reject })
      this.#queueBytes += bytes
      this.#running ??= this.#run()
    })
  }

  /** Resolves when all that was asked for is stored or refused. */
  async drain(): Promise<void> {
    await this.#running
  }

  /** The bytes of all of them. */
  #checkSizes(topic: string, records: readonly AppendRecord[], prepared: readonly PreparedRecord[]): number {
    const { maxRecordBytes } = this.#deps.limits
    let sum = 0
    let largest = 0
    for (const { bytes } of prepared) {
      sum += bytes.length
      largest = Math.max(largest, bytes.length)
    }
    // As it is stored, a record takes more bytes than count: only what is near the limit is counted.
    if (largest > maxRecordBytes) checkRecordSizes(topic, records, maxRecordBytes)
    return sum
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
      this.#deps.appended(plan.places())
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
    const plan = new AppendPlan(tx, { catalogue, known, now: clock.now(), partitioner: this.#partitioner })
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

  readonly #partitioner = (topic: string): Partitioner => {
    let choose = this.#partitioners.get(topic)
    if (choose === undefined) this.#partitioners.set(topic, (choose = partitioner(topic)))
    return choose
  }
}

function prepare(record: AppendRecord): PreparedRecord {
  const dedup = record.dedup && { id: dedupId(record.dedup), hash: record.dedup.hash }
  return { key: record.key, partition: record.partition, bytes: encodeRecord(record), dedup }
}

/** Work of one transaction is bounded: other processes wait for it, and so does this one's event loop. */
const COMMIT_BYTES = 8 * 1024 * 1024
