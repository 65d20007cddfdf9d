import { HoldfastError } from '../../event/index.ts'
import type { TopicSettings } from '../../log/index.ts'
import { openRow, sealRow } from './sealed-row.ts'
import type { StorageTransaction, StorageView } from './storage.ts'

/**
 * All topics in one row: with a row each, damage could make one vanish, and the app would make it anew and empty.
 * Written only when topics change.
 */
export interface Catalogue {
  /** Ids of topics are never used again, so that chunks of a deleted topic are never taken for those of a new one. */
  readonly nextTopicId: number
  readonly topics: Readonly<Record<string, StoredTopic>>
  /** Deleted topics whose chunks are still being removed. */
  readonly leaving: readonly { readonly id: number; readonly partitions: number }[]
}

export interface StoredTopic extends TopicSettings {
  readonly id: number
}

export const EMPTY_CATALOGUE: Catalogue = { nextTopicId: 1, topics: {}, leaving: [] }

/** Reads the catalogue; parses it only when it has changed. Other processes change it too. */
export class CatalogueReader {
  #row: Buffer | undefined
  #catalogue: Catalogue = EMPTY_CATALOGUE
  #names = new Map<number, string>()

  read(view: StorageView): Catalogue {
    const row = view.row('state', KEY)
    if (row === undefined) throw new HoldfastError('LOG_CORRUPT', { detail: 'the list of topics is missing' })
    if (this.#row === undefined || !this.#row.equals(row)) {
      this.#catalogue = JSON.parse(openRow('the list of topics', KEY, row).toString('utf8')) as Catalogue
      this.#names = new Map(Object.entries(this.#catalogue.topics).map(([name, { id }]) => [id, name]))
      this.#row = Buffer.from(row)
    }
    return this.#catalogue
  }

  /** Undefined for a topic that does not exist. */
  topic(view: StorageView, name: string): StoredTopic | undefined {
    const { topics } = this.read(view)
    return Object.hasOwn(topics, name) ? topics[name] : undefined
  }

  /** Undefined for a topic that was deleted. */
  nameOf(view: StorageView, topicId: number): string | undefined {
    this.read(view)
    return this.#names.get(topicId)
  }
}

export function writeCatalogue(tx: StorageTransaction, catalogue: Catalogue): void {
  tx.putRow('state', KEY, sealRow(KEY, Buffer.from(JSON.stringify(catalogue))))
}

export function hasCatalogue(view: StorageView): boolean {
  return view.row('state', KEY) !== undefined
}

export function unknownTopic(topic: string): HoldfastError {
  return new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: `there is no topic ${topic}`, facts: { topic } })
}

const KEY = Buffer.from('catalogue', 'latin1')
