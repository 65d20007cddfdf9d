import { HoldfastError, type TopicPartition } from '../../event/index.ts'
import type { GroupStore, GroupTransaction, GroupView, TopicSettings } from '../../log/index.ts'
import { KnownIds } from './known-ids.ts'
import { Partition } from './partition.ts'

export interface StoredTopic {
  settings: TopicSettings
  readonly partitions: Partition[]
}

/** What would be the disk: shared by everything that opens the same driver value, kept while that is kept. */
export class MemoryStore {
  readonly topics: Map<string, StoredTopic> = new Map()
  readonly ids: KnownIds = new KnownIds()
  readonly #groups = new Map<string, string>()
  readonly #watchers = new Set<() => void>()

  topic(name: string): StoredTopic {
    const topic = this.topics.get(name)
    if (topic === undefined)
      throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: name, facts: { topic: name } })
    return topic
  }

  partition({ topic, partition }: TopicPartition): Partition {
    const found = this.topic(topic).partitions[partition]
    if (found === undefined)
      throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: `${topic} has no partition ${partition}` })
    return found
  }

  bytes(): number {
    let bytes = this.ids.bytes
    for (const { partitions } of this.topics.values())
      for (const partition of partitions) bytes += partition.bytes
    return bytes
  }

  /** The groups' store as one of the processes sees it: its own writes do not wake it. */
  groupStore(): GroupStore {
    let own: (() => void) | undefined
    return {
      transact: async fn => {
        const staged = new Map<string, string | undefined>()
        const answer = fn(transaction(this.#groups, staged))
        for (const [key, value] of staged) {
          if (value === undefined) this.#groups.delete(key)
          else this.#groups.set(key, value)
        }
        for (const watcher of this.#watchers) if (watcher !== own) watcher()
        return answer
      },
      read: fn => fn(transaction(this.#groups, new Map())),
      watch: fn => {
        own = fn
        this.#watchers.add(fn)
        return () => this.#watchers.delete(fn)
      },
    }
  }
}

function transaction(
  stored: ReadonlyMap<string, string>,
  staged: Map<string, string | undefined>,
): GroupTransaction & GroupView {
  const get = (key: string): string | undefined => (staged.has(key) ? staged.get(key) : stored.get(key))
  return {
    get,
    range: prefix =>
      [...new Set([...stored.keys(), ...staged.keys()])]
        .filter(key => key.startsWith(prefix))
        .toSorted()
        .flatMap(key => {
          const value = get(key)
          return value === undefined ? [] : [[key, value] as const]
        }),
    put: (key, value) => void staged.set(key, value),
    delete: key => void staged.set(key, undefined),
  }
}
