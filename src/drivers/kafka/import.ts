import { HoldfastError, offset, partitionId, type LogRecord, type Position } from '../../event/index.ts'
import type { ImportedRecord, Imports } from '../../log/index.ts'
import type { KafkaGroups } from './groups/index.ts'
import type { KafkaLog } from './log.ts'

/**
 * See the port. Brokers give offsets themselves and one after another, so a partition that is to begin at an offset gets
 * empty records up to there, which are deleted at once. They are known by their time: 0, before anything was ever written.
 */
export function kafkaImports(log: KafkaLog, groups: Pick<KafkaGroups, 'putPositions'>): Imports {
  async function begin(at: Position): Promise<void> {
    const { start, end } = await log.bounds(at)
    if (end > at.offset) throw elsewhere(at, `ends at ${end} already`)
    if (start < end && !isFiller(await lastOf(log, { ...at, offset: offset(end - 1n) })))
      throw elsewhere(at, `holds records up to ${end}`)
    for (let next: bigint = end; next < at.offset;) {
      const count = Math.min(FILL_AT_ONCE, Number(at.offset - next))
      await store(log, { ...at, offset: offset(next) }, fillers(count))
      next += BigInt(count)
    }
    await log.deleteRecords(at)
  }

  return {
    begin,
    async append(at, records) {
      const end = await log.positions.end(at)
      if (end !== at.offset) throw elsewhere(at, `ends at ${end}`)
      await store(log, at, records)
    },
    positions: (group, positions) => groups.putPositions(group, positions),
  }
}

/** Appends at exactly this place, or finds that somebody else appends as well. */
async function store(log: KafkaLog, at: Position, records: readonly ImportedRecord[]): Promise<void> {
  const { topic, partition } = at
  const outcomes = await log.appender.append(
    topic,
    records.map(record => ({ ...record, partition })),
  )
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.position.offset !== at.offset + BigInt(i))
      throw elsewhere(
        at,
        `has records of somebody else: one of these came to stand at ${outcome.position.offset}`,
      )
    if (outcome.kind === 'appended' && outcome.timestamp !== records[i]?.timestamp)
      throw elsewhere(at, 'stamps records itself: set message.timestamp.type of the topic to CreateTime')
  }
}

async function lastOf(log: KafkaLog, at: Position): Promise<LogRecord | undefined> {
  const { records } = await log.read(at, { maxRecords: 1, maxBytes: 1, waitMs: PATIENCE_MS }, never)
  return records[0]
}

const fillers = (count: number): ImportedRecord[] => Array.from({ length: count }, () => filler)
const filler: ImportedRecord = { key: undefined, value: null, headers: {}, timestamp: 0 }

function isFiller(record: LogRecord | undefined): boolean {
  return record?.timestamp === 0 && record.value === null && record.key === undefined
}

function elsewhere(at: Position, what: string): HoldfastError {
  return new HoldfastError('MIGRATION_REFUSED', {
    detail: `${partitionId(at)} cannot go on at ${at.offset}: it ${what}`,
    facts: { topic: at.topic, partition: at.partition, offset: at.offset },
  })
}

const FILL_AT_ONCE = 20_000
/** For a record that the end says is there. */
const PATIENCE_MS = 5_000
const never = new AbortController().signal
