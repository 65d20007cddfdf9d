import { HoldfastError, type Random } from '../../event/index.ts'
import type { Cluster } from './cluster.ts'
import type { Link } from './link.ts'

/** By an id, and the sequence of a record in its partition, a broker knows what it has already. */
export interface ProducerId {
  readonly id: bigint
  readonly epoch: number
}

/**
 * Ids of this log. One is shared by its lanes; a sequence is of one partition, so lanes do not meet in it. A lane that
 * cannot go on with its sequence takes an id of its own, and so must every lane that is made a second time for its
 * partition: it would begin again at 0, and its records might be taken for those of the first.
 */
export class ProducerIds {
  readonly #cluster: Cluster
  readonly #link: Link
  readonly #random: Random
  readonly #requestTimeoutMs: number
  #shared: Promise<ProducerId> | undefined

  constructor(deps: {
    readonly cluster: Cluster
    readonly link: Link
    readonly random: Random
    readonly requestTimeoutMs: number
  }) {
    this.#cluster = deps.cluster
    this.#link = deps.link
    this.#random = deps.random
    this.#requestTimeoutMs = deps.requestTimeoutMs
  }

  /** The same for all until a topic is deleted: what is made under its name later is not taken for the old. */
  async shared(): Promise<ProducerId> {
    const asked = (this.#shared ??= this.own())
    try {
      return await asked
    } catch (error) {
      if (this.#shared === asked) this.#shared = undefined
      throw error
    }
  }

  /** Lanes that are made from now on have another one. */
  renew(): void {
    this.#shared = undefined
  }

  async own(): Promise<ProducerId> {
    const brokers = this.#cluster.brokers()
    const broker = brokers[Math.floor(this.#random() * brokers.length)]
    if (broker === undefined) throw new HoldfastError('LOG_STALLED', { detail: 'no broker is known' })
    const { producerId, producerEpoch } = await this.#link.call(
      broker,
      'InitProducerId',
      null,
      this.#requestTimeoutMs,
      NEW,
      -1,
    )
    return { id: producerId, epoch: producerEpoch }
  }
}

const NEW = -1n
