import { HoldfastError, othersTurn, partitionId, type TopicPartition } from '../../event/index.ts'
import { errorsByPath, partialReply } from './errors.ts'
import type { Broker, Link, Reply } from './link.ts'
import { produceRequest } from './produce-request.ts'
import { encodeBatch, type BatchOf, type Compression } from './written-batch.ts'

/** One batch of one partition. */
export interface Batch extends TopicPartition, BatchOf {
  /** At most what it takes on the wire. */
  readonly bytes: number
  /** Called right before it is sent: until then it is surely not stored. */
  readonly sending: () => void
}

export type Stored = Exclude<Reply<'Produce'>, boolean>['responses'][number]['partitionResponses'][number]

export interface ProduceHubOptions {
  readonly link: Link
  readonly compression: Compression | undefined
  readonly requestTimeoutMs: number
}

/**
 * Batches of all lanes. A broker answers the requests of a connection one after the other, so one request is under way to
 * each, and what the lanes have ready meanwhile is the next one: with many partitions a request each would stand in line.
 */
export class ProduceHub {
  readonly #options: ProduceHubOptions
  readonly #stations = new Map<string, Station>()

  constructor(options: ProduceHubOptions) {
    this.#options = options
  }

  /** Rejects with the error of this partition, or of the whole request. */
  store(broker: Broker, batch: Batch): Promise<Stored> {
    const address = `${broker.host}:${broker.port}`
    let station = this.#stations.get(address)
    if (station === undefined) this.#stations.set(address, (station = new Station(broker, this.#options)))
    return station.store(batch)
  }
}

interface Waiting {
  readonly batch: Batch
  readonly settle: PromiseWithResolvers<Stored>
}

class Station {
  readonly #broker: Broker
  readonly #options: ProduceHubOptions
  #waiting: Waiting[] = []
  #isBusy = false

  constructor(broker: Broker, options: ProduceHubOptions) {
    this.#broker = broker
    this.#options = options
  }

  store(batch: Batch): Promise<Stored> {
    const settle = Promise.withResolvers<Stored>()
    this.#waiting.push({ batch, settle })
    if (!this.#isBusy) void this.#run()
    return settle.promise
  }

  async #run(): Promise<void> {
    this.#isBusy = true
    await othersTurn() // lanes that were answered together are ready together
    while (this.#waiting.length > 0) {
      const together = this.#take()
      try {
        const answer = await this.#send(together.map(({ batch }) => batch))
        for (const { batch, settle } of together) {
          const stored = answer(batch)
          if ('error' in stored) settle.reject(stored.error)
          else settle.resolve(stored)
        }
      } catch (error) {
        for (const { settle } of together) settle.reject(error)
      }
      await othersTurn()
    }
    this.#isBusy = false
  }

  /** What fits into one request, of one producer: a request names only one. */
  #take(): Waiting[] {
    const producer = this.#waiting[0]?.batch.producer
    const together: Waiting[] = []
    const later: Waiting[] = []
    let bytes = 0
    for (const waiting of this.#waiting) {
      const { batch } = waiting
      const fits = together.length === 0 || bytes + batch.bytes <= MAX_REQUEST_BYTES
      if (fits && batch.producer.id === producer?.id && batch.producer.epoch === producer.epoch) {
        together.push(waiting)
        bytes += batch.bytes
      } else {
        later.push(waiting)
      }
    }
    this.#waiting = later
    return together
  }

  async #send(batches: readonly Batch[]): Promise<(batch: Batch) => Stored | { readonly error: unknown }> {
    const { link, compression, requestTimeoutMs } = this.#options
    const send = await link.reachWritten(this.#broker, 'Produce')
    const written = await Promise.all(
      batches.map(async batch => ({ ...placeOf(batch), bytes: await encodeBatch(batch, compression) })),
    )
    const request = produceRequest(send.version, { timeoutMs: requestTimeoutMs, batches: written })
    let reply: Reply<'Produce'>
    let errors: ReadonlyMap<string, unknown> = new Map()
    for (const batch of batches) batch.sending()
    try {
      reply = await send(request)
    } catch (error) {
      const partial = partialReply<Reply<'Produce'>>(error)
      if (partial === undefined) throw error
      reply = partial
      errors = errorsByPath(error)
    }
    const found = new Map<string, Stored | { readonly error: unknown }>()
    for (const [i, { name, partitionResponses }] of (typeof reply === 'boolean'
      ? []
      : reply.responses
    ).entries())
      for (const [j, one] of partitionResponses.entries())
        found.set(
          partitionId({ topic: name, partition: one.index }),
          one.errorCode === 0 ? one : { error: errors.get(`/responses/${i}/partition_responses/${j}`) },
        )
    return batch =>
      found.get(partitionId(batch)) ?? {
        error: new HoldfastError('INTERNAL', {
          detail: `no answer for ${partitionId(batch)} that was appended to`,
        }),
      }
  }
}

/** Below what a broker takes at once (`socket.request.max.bytes`, 100 MiB), and little to send again. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024

function placeOf({ topic, partition }: Batch): TopicPartition {
  return { topic, partition }
}
