import {
  isHoldfastError,
  offset,
  sleep,
  type Clock,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../event/index.ts'
import type { GroupSettings } from '../consume/index.ts'
import type { LogSystem } from '../log/index.ts'
import type { AnyTopic } from '../schema/index.ts'

export interface TailOptions {
  readonly system: LogSystem
  readonly topics: readonly AnyTopic[]
  /** The tail begins where the group that is farthest behind does. */
  readonly groups: readonly GroupSettings[]
  readonly clock: Clock
  readonly signal: AbortSignal
  stored(record: LogRecord): void
}

/** Tells of every event of these topics as it comes into the log, from any process, until the signal aborts. */
export async function tailLog(options: TailOptions): Promise<void> {
  const partitions = options.topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )
  await Promise.all(partitions.map(tp => tailPartition(tp, options)))
}

const LIMITS = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 10_000 }
const RETRY_MS = 1_000

async function tailPartition(tp: TopicPartition, options: TailOptions): Promise<void> {
  const { system, clock, signal } = options
  let at = await startOf(tp, options)
  while (!signal.aborted) {
    try {
      const { records, next } = await system.log.read({ ...tp, offset: at }, LIMITS, signal)
      for (const record of records) options.stored(record)
      at = next
    } catch (error) {
      if (isHoldfastError(error, 'LOG_CLOSED')) return
      if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE')) at = (await system.log.bounds(tp)).start
      else await sleep(clock, RETRY_MS, signal)
    }
  }
}

async function startOf(tp: TopicPartition, { system, groups }: TailOptions): Promise<Offset> {
  const { start, end } = await system.log.bounds(tp)
  let first: bigint = end
  for (const { group, topics, from } of groups) {
    if (!topics.some(({ name }) => name === tp.topic)) continue
    const committed = (await system.groups.committed(group)).find(
      ({ topic, partition }) => topic === tp.topic && partition === tp.partition,
    )?.offset
    const begins = committed ?? (from === 'latest' ? end : start)
    if (begins < first) first = begins
  }
  return offset(first < start ? start : first)
}
