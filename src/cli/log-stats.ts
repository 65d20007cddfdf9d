import path from 'node:path'
import { isHoldfastError, offset, type TopicPartition } from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import type { CliIo } from './io.ts'
import { withLog } from './open-log.ts'
import { table } from './table.ts'

interface Stats {
  readonly topics: readonly PartitionStats[]
  readonly groups: readonly GroupStats[]
}

interface PartitionStats {
  readonly topic: string
  readonly partition: number
  readonly events: number
  readonly bytes: number
  /** The first and the last event that is kept; null where there is none, or where it cannot be read. */
  readonly first: EventAt | null
  readonly last: EventAt | null
}

/** The time is that of the append, by ISO 8601. */
interface EventAt {
  readonly offset: string
  readonly at: string
}

interface GroupStats {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Next offset to read; null before the first commit. */
  readonly position: string | null
  /** Events from the position to the end. */
  readonly lag: number
  readonly owner: string | null
}

/** Prints what a log holds, and how far its groups are. Reads the ends of partitions only, so a large log takes no longer. */
export async function logStats(
  folder: string,
  { output }: { readonly output: 'table' | 'json' },
  io: CliIo,
): Promise<void> {
  const stats = await withLog(folder, async system => ({
    topics: await topicStats(system),
    groups: await groupStats(system),
  }))
  const report = { format: 1, folder: path.resolve(folder), ...stats }
  io.out(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : text(stats))
}

async function topicStats(system: LogSystem): Promise<PartitionStats[]> {
  const { log } = system
  const stats: PartitionStats[] = []
  for (const topic of await log.topics.list()) {
    const { partitions } = (await log.topics.describe(topic)) ?? { partitions: 0 }
    for (let partition = 0; partition < partitions; partition++) {
      const { start, end } = await log.bounds({ topic, partition })
      const empty = start === end
      stats.push({
        topic,
        partition,
        events: Number(end - start),
        bytes: system.bytesOf?.({ topic, partition }) ?? 0,
        first: empty ? null : await eventAt(system, { topic, partition }, start),
        last: empty ? null : await eventAt(system, { topic, partition }, end - 1n),
      })
    }
  }
  return stats
}

async function eventAt({ log }: LogSystem, tp: TopicPartition, at: bigint): Promise<EventAt | null> {
  try {
    const limits = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
    const { records } = await log.read({ ...tp, offset: offset(at) }, limits, AbortSignal.any([]))
    const [record] = records
    return record ? { offset: String(record.offset), at: new Date(record.timestamp).toISOString() } : null
  } catch (error) {
    // Damage is for `log verify` to name, and retention may have taken the event just now.
    if (isHoldfastError(error, 'LOG_CORRUPT', 'OFFSET_OUT_OF_RANGE')) return null
    throw error
  }
}

async function groupStats({ log, groups }: LogSystem): Promise<GroupStats[]> {
  const stats: GroupStats[] = []
  for (const group of await groups.list()) {
    const { partitions } = await groups.describe(group)
    for (const { topic, partition, committed, owner } of partitions) {
      const { start, end } = await log.bounds({ topic, partition })
      stats.push({
        group,
        topic,
        partition,
        position: committed === undefined ? null : String(committed),
        lag: Math.max(0, Number(end - (committed ?? start))),
        owner: owner ?? null,
      })
    }
  }
  return stats.toSorted(
    (a, b) => a.group.localeCompare(b.group) || a.topic.localeCompare(b.topic) || a.partition - b.partition,
  )
}

function text({ topics, groups }: Stats): string {
  const sections = [
    table(
      ['topic', 'partition', 'events', 'bytes', 'first', 'at', 'last', 'at'],
      topics.map(({ topic, partition, events, bytes, first, last }) => [
        topic,
        String(partition),
        String(events),
        String(bytes),
        first?.offset ?? '-',
        first?.at ?? '-',
        last?.offset ?? '-',
        last?.at ?? '-',
      ]),
    ),
    table(
      ['group', 'topic', 'partition', 'position', 'lag', 'owner'],
      groups.map(({ group, topic, partition, position, lag, owner }) => [
        group,
        topic,
        String(partition),
        position ?? '-',
        String(lag),
        owner ?? '-',
      ]),
    ),
  ]
  return sections.join('\n')
}
