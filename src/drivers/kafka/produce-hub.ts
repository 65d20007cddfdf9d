import { HoldfastError, othersTurn, partitionId, type TopicPartition } from '../../event/index.ts'
import { errorsByPath, partialReply } from './errors.ts'
import type { Broker, Link, Reply, RequestArguments } from './link.ts'
import type { WireRecord } from './wire-record.ts'

/** One batch of one partition. */
export interface Batch extends TopicPartition {
  readonly records: readonly (WireRecord & { readonly timestamp: number })[]
  /** At most what it takes on the wire. */
  readonly bytes: number
  readonly producer: { readonly id: bigint; readonly epoch: number; readonly sequence: number }
  /** Called right before it is sent: until then it is surely not stored. */
  readonly sending: () => void
}

export type Stored = Exclude<Reply<'Produce'>, boolean>['responses'][number]['partitionResponses'][number]

export interface ProduceHubOptions {
  readonly link: Link
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
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
    const send = await link.reach(this.#broker, 'Produce')
    const sequences = new Map(
      batches.map(batch => [`${batch.topic}:${batch.partition}`, batch.producer.sequence]),
    )
    const [first] = batches
    let reply: Reply<'Produce'>
    let errors: ReadonlyMap<string, unknown> = new Map()
    for (const batch of batches) batch.sending()
    try {
      reply = await send(ALL_IN_STEP, requestTimeoutMs, batches.flatMap(messages), {
        compression,
        ...(first !== undefined && { producerId: first.producer.id, producerEpoch: first.producer.epoch }),
        sequences: sequencesOf(sequences),
      })
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
/** Acknowledged by all copies that are in step. */
const ALL_IN_STEP = -1

function messages({ topic, partition, records }: Batch): RequestArguments<'Produce'>[2] {
  return records.map(({ key, value, headers, timestamp }) => ({
    topic,
    partition,
    timestamp: BigInt(timestamp),
    // The client writes null as it should, and says otherwise in its types.
    value: value as Buffer,
    headers,
    ...(key !== undefined && { key }),
  }))
}

type Sequences = NonNullable<NonNullable<RequestArguments<'Produce'>[3]>['sequences']>

/** All that the client asks of its own map: the sequence of the first record of a partition. */
function sequencesOf(sequences: ReadonlyMap<string, number>): Sequences {
  return { getWithDefault: (key: string) => sequences.get(key) ?? 0 } as unknown as Sequences
}
