import { HoldfastError } from '../../event/index.ts'
import { checkTopic, forgetTopic, type Topics, type TopicSettings } from '../../log/index.ts'
import { writeCatalogue, type Catalogue, type CatalogueReader } from './catalogue.ts'
import { groupTransaction } from './group-storage.ts'
import type { Storage, StorageTransaction } from './storage.ts'
import { deleteTail, EMPTY_TAIL, readTail, writeTail } from './tail.ts'

/** Topics of the embedded log. A deleted one is gone at once; its chunks go in slices ({@link sweepDeleted}). */
export function storedTopics(storage: Storage, catalogue: CatalogueReader, deleted: () => void): Topics {
  return {
    async create(topic, settings) {
      checkTopic(topic, settings)
      const there = storage.view(view => catalogue.topic(view, topic))
      if (there !== undefined && same(there, settings)) return // asked at every start: no write
      await storage.transact(tx => createTopic(tx, catalogue, topic, settings), 'ordinary')
    },

    async describe(topic) {
      const stored = storage.view(view => catalogue.topic(view, topic))
      if (stored === undefined) return undefined
      const { partitions, retentionMs, retentionBytes } = stored
      return { partitions, retentionMs, retentionBytes }
    },

    async list() {
      return storage.view(view => Object.keys(catalogue.read(view).topics)).toSorted()
    },

    async delete(topic) {
      await storage.transact(tx => deleteTopic(tx, catalogue, topic), 'urgent')
      deleted()
    },
  }
}

function createTopic(
  tx: StorageTransaction,
  reader: CatalogueReader,
  name: string,
  settings: TopicSettings,
): void {
  const old = reader.read(tx)
  const before = reader.topic(tx, name)
  if (before !== undefined && settings.partitions < before.partitions) {
    throw new HoldfastError('LOG_TOPIC_EXISTS', {
      detail: `topic ${name} has ${before.partitions} partitions, and ${settings.partitions} are asked for`,
      facts: { topic: name, partitions: before.partitions },
    })
  }
  const id = before?.id ?? old.nextTopicId
  const { partitions, retentionMs, retentionBytes } = settings
  writeCatalogue(tx, {
    ...old,
    nextTopicId: before === undefined ? id + 1 : old.nextTopicId,
    topics: { ...old.topics, [name]: { id, partitions, retentionMs, retentionBytes } },
  })
  for (let partition = before?.partitions ?? 0; partition < partitions; partition++) {
    writeTail(tx, { topicId: id, partition }, EMPTY_TAIL)
  }
}

function deleteTopic(tx: StorageTransaction, reader: CatalogueReader, name: string): void {
  const old = reader.read(tx)
  const topic = reader.topic(tx, name)
  if (topic === undefined) return
  const topics = Object.fromEntries(Object.entries(old.topics).filter(([other]) => other !== name))
  forgetTopic(groupTransaction(tx), name)
  writeCatalogue(tx, {
    ...old,
    topics,
    leaving: [...old.leaving, { id: topic.id, partitions: topic.partitions }],
  })
}

/** Removes chunks of deleted topics, a slice for each transaction. True when nothing is left to remove. */
export async function sweepDeleted(storage: Storage, reader: CatalogueReader): Promise<boolean> {
  if (storage.view(view => reader.read(view)).leaving.length === 0) return true
  return storage.transact(tx => {
    const old = reader.read(tx)
    const [topic, ...others] = old.leaving
    if (topic === undefined) return true
    for (let partition = 0; partition < topic.partitions; partition++) {
      const place = { topicId: topic.id, partition }
      let left = SLICE_CHUNKS
      for (const { base } of tx.chunks(place, 0n)) {
        if (left-- === 0) return false
        tx.deleteChunk(place, base)
      }
      if (left < SLICE_CHUNKS) return false
    }
    for (let partition = 0; partition < topic.partitions; partition++) {
      const place = { topicId: topic.id, partition }
      if (readTail(tx, place) !== undefined) deleteTail(tx, place)
    }
    writeCatalogue(tx, { ...old, leaving: others } satisfies Catalogue)
    return others.length === 0
  }, 'urgent')
}

const SLICE_CHUNKS = 256

function same(a: TopicSettings, b: TopicSettings): boolean {
  return (
    a.partitions === b.partitions && a.retentionMs === b.retentionMs && a.retentionBytes === b.retentionBytes
  )
}
