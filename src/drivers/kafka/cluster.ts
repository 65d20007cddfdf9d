import { HoldfastError, type Clock, type TopicPartition } from '../../event/index.ts'
import { errorsByPath, isAuthentication, isAuthorization, kafkaError, partialReply } from './errors.ts'
import type { Broker, Link, Reply } from './link.ts'

export interface TopicView {
  /** Another topic of the same name has another one. */
  readonly id: string
  readonly partitions: readonly PartitionView[]
  /** When this was learned, by the monotonic clock. */
  readonly seenAt: number
}

interface PartitionView {
  /** The node that leads it; undefined while there is none. */
  readonly leader: number | undefined
  /** Copies that there should be. */
  readonly factor: number
}

/** Who leads what: learned from any broker that answers, kept until somebody finds it wrong. */
export class Cluster {
  readonly #link: Link
  readonly #bootstrap: readonly Broker[]
  readonly #clock: Clock
  #brokers: ReadonlyMap<number, Broker> = new Map()
  #controller: number | undefined
  readonly #topics = new Map<string, TopicView>()
  /** Those that this user may not look at, when they were asked for last. */
  readonly #denied = new Map<string, HoldfastError>()
  /** The broker that answered last is asked first. */
  #turn = 0
  #wanted = new Set<string>()
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor({ link, bootstrap, clock }: { link: Link; bootstrap: readonly Broker[]; clock: Clock }) {
    this.#link = link
    this.#bootstrap = bootstrap
    this.#clock = clock
  }

  /** Those known, else those to begin with. */
  brokers(): readonly Broker[] {
    return this.#brokers.size > 0 ? [...this.#brokers.values()] : this.#bootstrap
  }

  /** Those that are up, as one of them says now. */
  async live(): Promise<readonly Broker[]> {
    await this.#learn([])
    return this.brokers()
  }

  /** By the ids of nodes; empty before anything was asked. */
  get nodes(): ReadonlyMap<number, Broker> {
    return this.#brokers
  }

  /** What is known without asking. */
  known(topic: string): TopicView | undefined {
    return this.#topics.get(topic)
  }

  /** Undefined for a topic that does not exist. Rejects with `LOG_STALLED` when no broker answers, `LOG_DENIED`. */
  async topic(
    topic: string,
    { fresh = false }: { readonly fresh?: boolean } = {},
  ): Promise<TopicView | undefined> {
    if (fresh || !this.#topics.has(topic)) await this.refresh(topic)
    return this.#topics.get(topic)
  }

  /** The leader of the partition. Rejects with `LOG_TOPIC_UNKNOWN`, and with `LOG_STALLED` while there is none. */
  async leader({
    topic,
    partition,
  }: TopicPartition): Promise<{ readonly broker: Broker; readonly view: TopicView }> {
    const view = await this.topic(topic)
    const found = view?.partitions[partition]
    if (view === undefined || found === undefined)
      throw new HoldfastError('LOG_TOPIC_UNKNOWN', {
        detail: `${topic}/${partition}`,
        facts: { topic, partition },
      })
    const broker = found.leader === undefined ? undefined : this.#brokers.get(found.leader)
    if (broker === undefined)
      throw new HoldfastError('LOG_STALLED', {
        detail: `${topic}/${partition} has no leader among the brokers`,
      })
    return { broker, view }
  }

  /** Asks again about the topic. Questions that come together are one request, and each is refused for itself. */
  async refresh(topic: string): Promise<void> {
    await this.#asked(topic)
    const denied = this.#denied.get(topic)
    if (denied) throw denied
  }

  #asked(topic: string): Promise<void> {
    this.#wanted.add(topic)
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        const topics = [...this.#wanted]
        this.#wanted = new Set()
        this.#next = undefined
        this.#running = this.#learn(topics).then(() => {})
        return this.#running
      })
    return this.#next
  }

  /** All topics that are not the brokers' own. */
  async list(): Promise<readonly string[]> {
    const { topics } = await this.#learn(null)
    return topics.flatMap(({ name, isInternal }) => (typeof name !== 'string' || isInternal ? [] : [name]))
  }

  /** A request that the controller must do, or any broker hands on to it. */
  async controller(): Promise<Broker> {
    if (this.#controller === undefined) await this.#learn([])
    return this.#brokers.get(this.#controller ?? -1) ?? this.#first()
  }

  /** Asks one broker whether it knows the topic already, with leaders: they learn of a new one one by one. */
  async isKnownTo(broker: Broker, topic: string, partitions: number): Promise<boolean> {
    const { topics } = await this.#ask(broker, [topic])
    const found = topics[0]?.partitions ?? []
    return found.length >= partitions && found.every(({ leaderId }) => leaderId >= 0)
  }

  /** Topics that were deleted here: no broker is asked about them any more. */
  forget(topic: string): void {
    this.#topics.delete(topic)
    this.#denied.delete(topic)
  }

  #first(): Broker {
    const [first] = this.brokers()
    if (first === undefined) throw new HoldfastError('INTERNAL', { detail: 'no broker was named' })
    return first
  }

  async #learn(topics: readonly string[] | null): Promise<Reply<'Metadata'>> {
    // Those to begin with stay among them: all that were known may have been replaced meanwhile.
    const brokers = [...this.#brokers.values(), ...this.#bootstrap]
    const until = this.#clock.monotonic() + PATIENCE_MS
    let failure: unknown
    for (let i = 0; i < brokers.length && this.#clock.monotonic() < until; i++) {
      const turn = (this.#turn + i) % brokers.length
      try {
        const reply = await this.#ask(brokers[turn] ?? this.#first(), topics)
        this.#turn = turn
        this.#take(reply)
        return reply
      } catch (error) {
        failure = error
        if (isAuthentication(error)) break
      }
    }
    throw refused(failure, topics ?? [])
  }

  async #ask(broker: Broker, topics: readonly string[] | null): Promise<Reply<'Metadata'>> {
    try {
      return await this.#link.call(broker, 'Metadata', topics === null ? null : [...topics], false, false)
    } catch (error) {
      const reply = partialReply<Reply<'Metadata'>>(error)
      if (reply === undefined) throw error
      for (const [path, part] of errorsByPath(error)) {
        const name = reply.topics[Number(/^\/topics\/(\d+)$/.exec(path)?.[1])]?.name
        if (typeof name === 'string' && isAuthorization(part)) this.#denied.set(name, refused(part, [name]))
      }
      return reply // others are not there, or without a leader
    }
  }

  #take({ brokers, controllerId, topics }: Reply<'Metadata'>): void {
    this.#brokers = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    this.#controller = controllerId
    const seenAt = this.#clock.monotonic()
    for (const { name, topicId, errorCode, partitions } of topics) {
      if (typeof name !== 'string') continue
      if (errorCode !== TOPIC_AUTHORIZATION_FAILED) this.#denied.delete(name)
      if (errorCode !== 0 && partitions.length === 0) this.#topics.delete(name)
      else
        this.#topics.set(name, {
          id: topicId,
          seenAt,
          partitions: partitions
            .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
            .map(({ leaderId, replicaNodes }) => ({
              leader: leaderId < 0 ? undefined : leaderId,
              factor: replicaNodes.length,
            })),
        })
    }
  }
}

function refused(error: unknown, topics: readonly string[]): HoldfastError {
  return kafkaError(error, {
    doing: 'ask the brokers for topics',
    grant: `Describe on ${topics.length === 1 ? `topic ${topics[0]}` : 'the topics'}`,
  })
}

const TOPIC_AUTHORIZATION_FAILED = 29

/** No further broker is tried after this: whoever asked wants an answer. Milliseconds. */
const PATIENCE_MS = 5_000
