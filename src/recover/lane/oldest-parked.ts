import { othersTurn, type TopicPartition } from '../../event/index.ts'
import { pages, type Committed, type Log } from '../../log/index.ts'
import { decodeLaneRecord, laneTopicOf } from './lane-codec.ts'
import { decodeNote } from './tenure.ts'

const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 }

/**
 * The earliest accept time among the events that may still wait in the retry lane of a partition, for any process to
 * ask; Infinity when none can. Closed ones that nothing has deleted yet count as well: they are told apart by the owner.
 */
export async function oldestParked(log: Log, group: string, committed: Committed): Promise<number> {
  const { topic, partition, note } = committed
  const lane: TopicPartition = { topic: laneTopicOf(topic, group), partition }
  const settings = await log.topics.describe(lane.topic)
  if (settings === undefined || partition >= settings.partitions) return Infinity
  const { start, end } = await log.bounds(lane)
  const from = note === undefined ? start : decodeNote(note, `${group} on ${topic}/${partition}`).lane
  const { signal } = new AbortController()
  let oldest = Infinity
  for await (const { records } of pages(log, { ...lane, offset: from }, { ...PAGE, end }, signal)) {
    for (const record of records) {
      const parked = decodeLaneRecord(record)
      if (parked.kind !== 'park') continue
      const { time, headers } = parked.event
      oldest = Math.min(oldest, time, Number(headers['hf-at'] ?? time))
    }
    await othersTurn()
  }
  return oldest
}
