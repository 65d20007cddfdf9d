import { offset, partitionId, type Offset, type TopicPartition } from '../../event/index.ts'
import { pages, type Committed, type Log } from '../../log/index.ts'
import { Fold, type FoldedEntry } from './fold.ts'
import { decodeLaneRecord, laneTopicOf } from './lane-codec.ts'
import { decodeNote, noteWithout } from './tenure.ts'

/** The retry lane of one partition, as a successor of its owner would find it. */
export interface OpenLane {
  /** That the events came from. */
  readonly origin: TopicPartition
  readonly entries: readonly FoldedEntry[]
  /** Decisions that wait there for an owner. */
  readonly requests: number
  /** What the events of the entries are, by their offsets in the topic. */
  readonly about: ReadonlyMap<Offset, { readonly id: string | undefined; readonly type: string | undefined }>
}

export interface LaneScope {
  readonly log: Log
  /** Positions of the group in its topics, with their notes. */
  readonly committed: readonly Committed[]
  readonly signal: AbortSignal
}

const PAGE = { maxRecords: 2_000, maxBytes: 8 * 1024 * 1024 }

/** Reads the lanes of a group from where their owners are done. */
export async function* openLanes(
  { log, committed, signal }: LaneScope,
  group: string,
): AsyncGenerator<OpenLane> {
  for (const { topic, partition, offset: main, note: text } of committed) {
    const lane = { topic: laneTopicOf(topic, group), partition }
    const settings = await log.topics.describe(lane.topic)
    if (settings === undefined || partition >= settings.partitions) continue
    const origin = { topic, partition }
    const { start, end } = await log.bounds(lane)
    const note =
      text === undefined ? noteWithout(start, main) : decodeNote(text, `${group} on ${partitionId(origin)}`)
    const fold = new Fold(note.tenures)
    const about = new Map<Offset, { readonly id: string | undefined; readonly type: string | undefined }>()
    const from = note.lane < start ? start : note.lane
    const position = { ...lane, offset: offset(from) }
    for await (const { records } of pages(log, position, { ...PAGE, end }, signal)) {
      for (const stored of records) {
        const record = decodeLaneRecord(stored)
        fold.add({ ...record, position: stored.offset })
        if (record.kind === 'park') {
          const { ce_id: id, ce_type: type } = record.event.headers
          about.set(record.origin, { id, type })
        } else if (record.kind === 'closed') about.delete(record.origin)
      }
    }
    const { entries, requests } = fold.end(main)
    yield { origin, entries, requests: requests.length, about }
  }
}
