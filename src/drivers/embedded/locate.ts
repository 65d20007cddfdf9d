import { HoldfastError, partitionId, type Position, type TopicPartition } from '../../event/index.ts'
import { unknownTopic, type CatalogueReader } from './catalogue.ts'
import type { Place, StorageView } from './storage.ts'
import { readTail, type Tail } from './tail.ts'

/** A partition by its name: where its chunks are, and where it begins and ends. */
export interface Located {
  readonly place: Place
  readonly tail: Tail
}

/** Throws `LOG_TOPIC_UNKNOWN` and `LOG_CORRUPT`. */
export function locate(view: StorageView, catalogue: CatalogueReader, tp: TopicPartition): Located {
  const topic = catalogue.topic(view, tp.topic)
  if (topic === undefined || tp.partition >= topic.partitions) throw unknownTopic(partitionId(tp))
  const place = { topicId: topic.id, partition: tp.partition }
  const tail = readTail(view, place)
  if (tail === undefined) throw new HoldfastError('LOG_CORRUPT', { detail: 'its tail is missing' })
  return { place, tail }
}

/** The error for a position that lies outside. */
export function outOfRange(at: Position, { start, end }: Tail): HoldfastError {
  const { topic, partition } = at
  // Offsets of this log have no gaps, so what lies between is exactly what was deleted.
  const lost = at.offset < start ? { lost: start - at.offset } : {}
  return new HoldfastError('OFFSET_OUT_OF_RANGE', {
    detail: `${at.offset} of ${partitionId(at)}, which holds ${start} to ${end}`,
    facts: { topic, partition, start, end, ...lost },
  })
}
