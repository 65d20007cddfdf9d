import { HoldfastError, type Logger } from '../../event/index.ts'
import { isQuorum, type ResolvedKafkaOptions } from './options.ts'

/**
 * What an acknowledged append survives: as much as the weakest topic that was declared or appended to. `quorum` is the
 * loss of a broker, by three copies of which two are in step; all else is `single`, the page cache of one broker.
 */
export class DurabilityClass {
  readonly #options: Pick<ResolvedKafkaOptions, 'durability' | 'replication'>
  readonly #logger: Logger
  readonly #topics = new Map<string, boolean>()
  readonly #said = new Set<string>()

  constructor(options: Pick<ResolvedKafkaOptions, 'durability' | 'replication'>, logger: Logger) {
    this.#options = options
    this.#logger = logger
  }

  /** Until a topic is known, the weaker class: nothing is promised that was not seen. */
  get current(): 'quorum' | 'single' {
    return this.#topics.size > 0 && [...this.#topics.values()].every(Boolean) ? 'quorum' : 'single'
  }

  /** Refuses with `CONFIG_INVALID` a topic that is weaker than asked for, and says of the first of its kind that it is weak. */
  saw(topic: string, factor: number, minInsync: number): void {
    const holds = isQuorum(factor, minInsync)
    const count =
      factor === 1
        ? 'one copy'
        : `${factor} copies, of which ${minInsync} must have a record before it is acknowledged`
    const copies = `topic ${topic} has ${count}`
    if (!holds && this.#options.durability === 'quorum')
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `kafka: durability quorum takes 3 copies and min.insync.replicas 2, and ${copies}`,
        facts: { topic, factor, minInsync },
      })
    const isNew = this.#topics.get(topic) !== holds
    this.#topics.set(topic, holds)
    // An app has dozens of topics, which were mostly made alike.
    if (isNew && !holds && !this.#said.has(count))
      this.#logger.warn(
        { topic, factor, minInsync },
        `${copies}: the loss of one broker may lose it (said once)`,
      )
    if (!holds) this.#said.add(count)
    const { replication } = this.#options
    if (replication === undefined) return
    if (isNew && holds && (factor < replication.factor || minInsync < replication.minInsync))
      this.#logger.warn(
        { topic, factor, minInsync, configured: replication },
        `${copies}: less than is configured`,
      )
  }

  forget(topic: string): void {
    this.#topics.delete(topic)
  }
}
