import { isHoldfastError, offset, type Offset, type TopicPartition } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import type { Operation } from './operation.ts'
import { digits, nullable, number, object, rows, text } from './shape.ts'
import { knownTopic } from './topic-describe.ts'

export interface TopicStatsInput {
  readonly topic: string
}

export interface TopicStats {
  readonly topic: string
  readonly events: number
  readonly bytes: number | null
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
  /** Events stored in the last minute and in the last hour. */
  readonly lastMinute: number
  readonly lastHour: number
  readonly partitions: readonly PartitionStats[]
  readonly groups: readonly { readonly group: string; readonly lag: number }[]
}

export interface PartitionStats {
  readonly partition: number
  readonly start: string
  readonly end: string
  readonly events: number
  readonly bytes: number | null
  readonly firstAt: number | null
  readonly lastAt: number | null
  readonly lastMinute: number
  readonly lastHour: number
}

const MINUTE = 60_000

export const topicStats: Operation<TopicStatsInput, TopicStats> = {
  name: 'topic.stats',
  summary:
    'say what a topic holds: events, bytes and times by partition, how fast it grows, and who is behind',
  role: 'viewer',
  effect: 'none',
  input: object<TopicStatsInput>({ topic: text('its name') }),
  output: object<TopicStats>({
    topic: text('its name'),
    events: number('that are kept'),
    bytes: nullable(number('that they take; null where the log does not know')),
    retentionMs: nullable(number('how long they are kept')),
    retentionBytes: nullable(number('of a partition, at most')),
    lastMinute: number('events that were stored in the last minute'),
    lastHour: number('events that were stored in the last hour'),
    partitions: rows(
      object<PartitionStats>({
        partition: number('of the topic'),
        start: digits('the first offset that is kept'),
        end: digits('the offset of the next event'),
        events: number('between these'),
        bytes: nullable(number('that they take')),
        firstAt: nullable(number('when the first of them was stored')),
        lastAt: nullable(number('when the last of them was stored')),
        lastMinute: number('events of the last minute'),
        lastHour: number('events of the last hour'),
      }),
    ),
    groups: rows(
      object<TopicStats['groups'][number]>({ group: text('that reads it'), lag: number('events behind') }),
    ),
  }),
  async run(context, { topic }) {
    const { system, clock, signal } = context
    const { log, groups } = system
    const settings = await knownTopic(context, topic)
    const partitions: PartitionStats[] = []
    for (let partition = 0; partition < settings.partitions; partition++) {
      const tp = { topic, partition }
      const bytes = system.bytesOf?.(tp) ?? null
      partitions.push({ partition, bytes, ...(await partitionStats(log, tp, clock.now(), signal)) })
    }
    const lags: { group: string; lag: number }[] = []
    for (const group of await groups.list()) {
      const mine = (await groups.describe(group)).partitions.filter(one => one.topic === topic)
      if (mine.length === 0) continue
      const lag = mine.reduce((sum, { partition, committed }) => {
        const { start = '0', end = '0' } = partitions[partition] ?? {}
        return sum + Math.max(0, Number(BigInt(end) - (committed ?? BigInt(start))))
      }, 0)
      lags.push({ group, lag })
    }
    const sum = (of: (one: PartitionStats) => number): number =>
      partitions.reduce((all, one) => all + of(one), 0)
    return {
      topic,
      events: sum(({ events }) => events),
      bytes: system.bytesOf === undefined ? null : sum(({ bytes }) => bytes ?? 0),
      retentionMs: settings.retentionMs ?? null,
      retentionBytes: settings.retentionBytes ?? null,
      lastMinute: sum(({ lastMinute }) => lastMinute),
      lastHour: sum(({ lastHour }) => lastHour),
      partitions,
      groups: lags,
    }
  },
}

async function partitionStats(
  log: Log,
  tp: TopicPartition,
  now: number,
  signal: AbortSignal,
): Promise<Omit<PartitionStats, 'partition' | 'bytes'>> {
  const { start, end } = await log.bounds(tp)
  const since = async (ms: number): Promise<number> => {
    const at = await log.offsetAt(tp, now - ms)
    return Number(end - (at > end ? end : at))
  }
  const isEmpty = start === end
  return {
    start: String(start),
    end: String(end),
    events: Number(end - start),
    firstAt: isEmpty ? null : await timeAt(log, tp, start, signal),
    lastAt: isEmpty ? null : await timeAt(log, tp, offset(end - 1n), signal),
    lastMinute: await since(MINUTE),
    lastHour: await since(60 * MINUTE),
  }
}

async function timeAt(log: Log, tp: TopicPartition, at: Offset, signal: AbortSignal): Promise<number | null> {
  try {
    const { records } = await log.read(
      { ...tp, offset: at },
      { maxRecords: 1, maxBytes: 1, waitMs: 0 },
      signal,
    )
    return records[0]?.timestamp ?? null
  } catch (error) {
    // Damage is for `log verify` to name, and retention may have taken the event just now.
    if (isHoldfastError(error, 'LOG_CORRUPT', 'OFFSET_OUT_OF_RANGE')) return null
    throw error
  }
}
