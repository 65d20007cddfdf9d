import { offset, partitionId } from '../../event/index.ts'
import { decodeLaneRecord, decodeNote, Fold, laneTopicOf } from '../../recover/lane/index.ts'
import type { OperationContext } from './operation.ts'

const PAGE = { maxRecords: 2_000, maxBytes: 8 * 1024 * 1024, waitMs: 0 }

/**
 * How many events of a group wait in its retry lanes, with the decisions that wait there for an owner. Reads the lanes
 * from where their owners are done, as a successor would.
 */
export async function openInLanes(
  { system, signal }: Pick<OperationContext, 'system' | 'signal'>,
  group: string,
): Promise<number> {
  const { log, groups } = system
  let open = 0
  for (const { topic, partition, offset: main, note: text } of await groups.committed(group)) {
    const lane = { topic: laneTopicOf(topic, group), partition }
    const settings = await log.topics.describe(lane.topic)
    if (settings === undefined || partition >= settings.partitions) continue
    const note =
      text === undefined ? undefined : decodeNote(text, `${group} on ${partitionId({ topic, partition })}`)
    const { start, end } = await log.bounds(lane)
    const fold = new Fold(note?.tenures ?? [])
    const from = note === undefined || note.lane < start ? start : note.lane
    for (let at = offset(from); at < end && !signal.aborted;) {
      const page = await log.read({ ...lane, offset: at }, PAGE, signal)
      for (const record of page.records) fold.add({ ...decodeLaneRecord(record), position: record.offset })
      if (page.next === at) break
      at = page.next
    }
    const { entries, requests } = fold.end(main)
    open += entries.length + requests.length
  }
  return open
}
