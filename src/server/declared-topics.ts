import { isHoldfastError, RESERVED_TOPIC_PREFIX } from '../event/index.ts'
import { ownTopicsOf } from '../recover/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { AppContext } from './app-context.ts'

/** The topics of an app in its log. A topic value is the declaration of one: it is made by the first who needs it, once. */
export class DeclaredTopics {
  readonly #context: Pick<AppContext, 'system' | 'logger'>
  readonly #made = new Map<string, Promise<void>>()
  /** Retry lanes and dead letters of its groups. */
  readonly #lanes = new Set<string>()

  constructor(context: Pick<AppContext, 'system' | 'logger'>) {
    this.#context = context
  }

  get names(): readonly string[] {
    return [...this.#made.keys()]
  }

  /** Whether the app has to do with it, or all apps have. */
  has(name: string): boolean {
    return this.#made.has(name) || this.#lanes.has(name) || name.startsWith(RESERVED_TOPIC_PREFIX)
  }

  declare(topic: AnyTopic): Promise<void> {
    const known = this.#made.get(topic.name)
    if (known) return known
    const made = this.#make(topic)
    this.#made.set(topic.name, made)
    made.catch(() => this.#made.delete(topic.name)) // tried again by the next who needs it
    return made
  }

  /** It was deleted: made again by the next who needs it. */
  forget(topic: string): void {
    this.#made.delete(topic)
  }

  /** What the log refuses, it refuses at the start; one that is away is asked again by the first event of each topic. */
  async declareIfThere(topics: readonly AnyTopic[]): Promise<void> {
    const tried = await Promise.allSettled(topics.map(topic => this.declare(topic)))
    for (const one of tried)
      if (one.status === 'rejected' && !isHoldfastError(one.reason, 'LOG_STALLED', 'LOG_FAILED'))
        throw one.reason
  }

  /**
   * Retry lanes and dead letters of groups, before any topic grows: a new partition of it is delivered only where its
   * retry lane is there. Whatever retention somebody gave to them is taken off: they are kept until their owner deletes
   * what is done.
   */
  async makeLanes(groups: ReadonlyMap<string, { readonly topics: readonly AnyTopic[] }>): Promise<void> {
    for (const [group, { topics }] of groups)
      for (const { name, partitions } of topics)
        for (const own of ownTopicsOf(name, group)) {
          this.#lanes.add(own)
          await this.#context.system.log.topics.create(own, { partitions })
        }
  }

  async #make({ name, partitions, retainMs, retainBytes, retainChosen }: AnyTopic): Promise<void> {
    const { topics } = this.#context.system.log
    const isNew = (await topics.describe(name)) === undefined
    await topics.create(name, { partitions, retentionMs: retainMs, retentionBytes: retainBytes })
    // Events are deleted some day, and nobody has said when: told on the day when that can still be changed.
    if (isNew && !retainChosen)
      this.#context.logger.info(
        { topic: name },
        `topic ${name} names no retain: its events are kept for 7 days`,
      )
  }
}
