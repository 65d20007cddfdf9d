import { HoldfastError, sleep, type Clock, type Logger } from '../../event/index.ts'
import { checkTopic, type Topics, type TopicSettings } from '../../log/index.ts'
import type { Cluster, TopicView } from './cluster.ts'
import { TOPIC } from './configs.ts'
import type { DurabilityClass } from './durability.ts'
import { errorIds, hasId, isAuthorization, isTopicUnknown, kafkaError } from './errors.ts'
import type { Link } from './link.ts'
import type { ResolvedKafkaOptions } from './options.ts'
import {
  missingTopic,
  readTopicFacts,
  retentionConfigs,
  sameRetention,
  topicConfigs,
  type TopicFacts,
} from './topic-facts.ts'

export interface TopicsDeps {
  readonly cluster: Cluster
  readonly link: Link
  readonly clock: Clock
  readonly logger: Logger
  readonly durability: DurabilityClass
  readonly options: Pick<ResolvedKafkaOptions, 'replication' | 'maxRecordBytes' | 'requestTimeoutMs'>
  /** Before the records of a topic go: positions of groups in it. */
  readonly deleting: (topic: string) => Promise<void>
  readonly deleted: (topic: string) => void
}

/** Topics of the cluster. They are made only here, never by a produce or a look at them. */
export class KafkaTopics implements Topics {
  readonly #deps: TopicsDeps

  constructor(deps: TopicsDeps) {
    this.#deps = deps
  }

  async create(topic: string, settings: TopicSettings): Promise<void> {
    checkTopic(topic, settings)
    const { cluster } = this.#deps
    const view = await cluster.topic(topic, { fresh: true })
    if (view === undefined) await this.#make(topic, settings)
    else await this.#adjust(topic, settings, view)
    await this.#untilKnown(topic, settings.partitions)
    await this.check(topic)
  }

  async describe(topic: string): Promise<TopicSettings | undefined> {
    const { cluster, link } = this.#deps
    const view = await cluster.topic(topic, { fresh: true })
    if (view === undefined) return undefined
    const facts = await readTopicFacts(cluster, link, topic)
    if (facts === undefined) return undefined
    const { retentionMs, retentionBytes } = facts
    return { partitions: view.partitions.length, retentionMs, retentionBytes }
  }

  async list(): Promise<readonly string[]> {
    return [...(await this.#deps.cluster.list())].toSorted()
  }

  async delete(topic: string): Promise<void> {
    const { cluster, link, options, deleting, deleted, durability } = this.#deps
    if ((await cluster.topic(topic, { fresh: true })) === undefined) return
    await deleting(topic)
    try {
      await link.call(await cluster.controller(), 'DeleteTopics', [{ name: topic }], options.requestTimeoutMs)
    } catch (error) {
      if (!isTopicUnknown(error))
        throw kafkaError(error, { doing: `delete topic ${topic}`, grant: `Delete on topic ${topic}` })
    }
    await this.#untilGone(topic)
    durability.forget(topic)
    deleted(topic)
  }

  /** What the topic is set to, once it was seen that it is as durable as asked for. Rejects with `LOG_TOPIC_UNKNOWN`. */
  async check(topic: string): Promise<TopicFacts> {
    const { cluster, link, durability } = this.#deps
    const view = await cluster.topic(topic)
    const facts = view && (await readTopicFacts(cluster, link, topic))
    if (view === undefined || facts === undefined) throw missingTopic(topic)
    durability.saw(topic, Math.min(...view.partitions.map(({ factor }) => factor)), facts.minInsync)
    return facts
  }

  async #make(topic: string, settings: TopicSettings): Promise<void> {
    const { cluster, link, options } = this.#deps
    const { factor, minInsync } = options.replication ?? { factor: BROKERS_CHOOSE, minInsync: undefined }
    const wanted = {
      name: topic,
      numPartitions: settings.partitions,
      replicationFactor: factor,
      assignments: [],
      configs: [...retentionConfigs(settings), ...topicConfigs(minInsync, options.maxRecordBytes)],
    }
    try {
      await link.call(await cluster.controller(), 'CreateTopics', [wanted], options.requestTimeoutMs, false)
    } catch (error) {
      if (hasId(error, 'TOPIC_ALREADY_EXISTS')) return // another process was first, with the same declaration
      if (hasId(error, 'INVALID_REPLICATION_FACTOR'))
        throw new HoldfastError('CONFIG_INVALID', {
          detail: `kafka: topic ${topic} is to have ${factor} copies, and there are ${cluster.brokers().length} brokers; give replication: { factor } of the kafka log, 1 for a single broker`,
          cause: error,
        })
      this.#refused(error, `make topic ${topic}`, `Create on topic ${topic}`)
    }
  }

  async #adjust(topic: string, settings: TopicSettings, view: TopicView): Promise<void> {
    const { cluster, link, options } = this.#deps
    const there = view.partitions.length
    if (settings.partitions < there) {
      throw new HoldfastError('LOG_TOPIC_EXISTS', {
        detail: `topic ${topic} has ${there} partitions, and ${settings.partitions} are asked for`,
        facts: { topic, partitions: there },
      })
    }
    const facts = await readTopicFacts(cluster, link, topic)
    if (facts !== undefined && !sameRetention(facts, settings)) await this.#retain(topic, settings, facts)
    if (settings.partitions === there) return
    const wanted = { name: topic, count: settings.partitions, assignments: null }
    try {
      await link.call(
        await cluster.controller(),
        'CreatePartitions',
        [wanted],
        options.requestTimeoutMs,
        false,
      )
    } catch (error) {
      this.#refused(error, `add partitions to topic ${topic}`, `Alter on topic ${topic}`)
    }
  }

  /** Who may not change a topic of somebody else can still use it, unless it keeps less than was declared. */
  async #retain(topic: string, settings: TopicSettings, facts: TopicFacts): Promise<void> {
    const { cluster, link, logger } = this.#deps
    const configs = retentionConfigs(settings).map(config => ({ ...config, configOperation: SET }))
    const wanted = { resourceType: TOPIC, resourceName: topic, configs } as const
    try {
      await link.call(await cluster.controller(), 'IncrementalAlterConfigs', [wanted], false)
    } catch (error) {
      const keepsEnough =
        (facts.retentionMs ?? Infinity) >= (settings.retentionMs ?? Infinity) &&
        (facts.retentionBytes ?? Infinity) >= (settings.retentionBytes ?? Infinity)
      if (!isAuthorization(error) || !keepsEnough)
        this.#refused(error, `set the retention of topic ${topic}`, `AlterConfigs on topic ${topic}`)
      logger.warn(
        { topic, declared: settings, found: facts },
        'the topic keeps events longer than was declared, and this user may not change it',
      )
    }
  }

  #refused(error: unknown, doing: string, grant: string): never {
    const asked = [
      'INVALID_TOPIC_EXCEPTION',
      'INVALID_CONFIG',
      'INVALID_PARTITIONS',
      'INVALID_REQUEST',
      'POLICY_VIOLATION',
    ]
    const failure = kafkaError(error, { doing, grant })
    if (!asked.some(id => errorIds(error).has(id))) throw failure
    throw new HoldfastError('CONFIG_INVALID', { detail: failure.detail, cause: error })
  }

  /** Brokers learn of a new topic one by one; one that does not answer is asked again when it is needed. */
  async #untilKnown(topic: string, partitions: number): Promise<void> {
    const { cluster, clock } = this.#deps
    const until = clock.monotonic() + SPREAD_MS
    for (;;) {
      const known = await Promise.all(
        cluster.brokers().map(broker => cluster.isKnownTo(broker, topic, partitions).catch(() => true)),
      )
      await cluster.refresh(topic)
      const view = cluster.known(topic)
      const isHere =
        (view?.partitions.length ?? 0) >= partitions &&
        view?.partitions.every(one => one.leader !== undefined)
      if (isHere === true && known.every(Boolean)) return
      if (clock.monotonic() > until)
        throw new HoldfastError('LOG_STALLED', {
          detail: `topic ${topic} was made, and not all brokers know it yet`,
        })
      await sleep(clock, POLL_MS)
    }
  }

  async #untilGone(topic: string): Promise<void> {
    const { cluster, clock } = this.#deps
    const until = clock.monotonic() + SPREAD_MS
    while ((await cluster.topic(topic, { fresh: true })) !== undefined && clock.monotonic() < until)
      await sleep(clock, POLL_MS)
    cluster.forget(topic)
  }
}

/** Copies as the brokers are set to (Kafka 2.4 and later). */
const BROKERS_CHOOSE = -1
const SET = 0 as const
const SPREAD_MS = 5_000
const POLL_MS = 20
