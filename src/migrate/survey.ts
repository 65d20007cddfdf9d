import { offset, partitionId, type LogRecord, type Offset, type TopicPartition } from '../event/index.ts'
import type { Bounds, Committed, LogSystem, TopicSettings } from '../log/index.ts'
import { fingerprint, sameBytes } from './fingerprint.ts'

/** What there is to move, and what stands in its way: looked at, with nothing changed. */
export interface Survey {
  readonly topics: readonly string[]
  readonly partitions: readonly SurveyedPartition[]
  readonly positions: readonly SurveyedPosition[]
  /** Sentences, each about something that must be settled first. Empty: it can begin. */
  readonly refused: readonly string[]
}

export interface SurveyedPartition extends TopicPartition {
  /** Of the old log. */
  readonly start: Offset
  readonly end: Offset
  /** What it takes there, where that is known. */
  readonly bytes: number | undefined
  /** Up to where the new log has it; undefined while it has no such topic. */
  readonly copiedTo: Offset | undefined
  /** Offsets in front of the first event, which the new log passes over. */
  readonly passed: bigint
  readonly toCopy: bigint
}

export interface SurveyedPosition extends Committed {
  readonly group: string
  /** Events from there to the end. */
  readonly lag: bigint
}

export async function survey(source: LogSystem, target: LogSystem, signal: AbortSignal): Promise<Survey> {
  const topics = await source.log.topics.list()
  const refused: string[] = []
  const { imports } = target.features
  if (imports !== true) refused.push(`a ${target.log.kind} log cannot become a copy: ${imports.reason}`)
  const partitions: SurveyedPartition[] = []
  for (const topic of topics) {
    const settings = await source.log.topics.describe(topic)
    const there = await target.log.topics.describe(topic)
    const many = manyPartitions(topic, settings, there)
    if (many !== undefined) refused.push(many)
    for (let partition = 0; partition < (settings?.partitions ?? 0); partition++) {
      signal.throwIfAborted()
      const tp = { topic, partition }
      const bounds = await source.log.bounds(tp)
      const copy = partition < (there?.partitions ?? 0) ? await target.log.bounds(tp) : undefined
      partitions.push(surveyed(tp, bounds, copy, source.bytesOf?.(tp)))
      const other = copy && (await whyNotACopy(source, target, tp, bounds, copy, signal))
      if (other !== undefined) refused.push(other)
    }
  }
  const positions = await positionsOf(source)
  refused.push(...(await groupsInTheWay(target, positions)))
  return { topics, partitions, positions, refused }
}

function surveyed(
  tp: TopicPartition,
  { start, end }: Bounds,
  copy: Bounds | undefined,
  bytes: number | undefined,
): SurveyedPartition {
  const at = copy?.end ?? 0n
  return {
    ...tp,
    start,
    end,
    bytes,
    copiedTo: copy?.end,
    passed: at < start ? start - at : 0n,
    toCopy: end - (at < start ? start : at < end ? at : end),
  }
}

function manyPartitions(
  topic: string,
  settings: TopicSettings | undefined,
  there: TopicSettings | undefined,
): string | undefined {
  if (settings === undefined || there === undefined || there.partitions <= settings.partitions)
    return undefined
  return `topic ${topic} has ${there.partitions} partitions on the new log and ${settings.partitions} on the old one: keys would change their partition`
}

/**
 * Where the new log holds records already, they must be ours: those of a copy that was stopped half-way. The first and
 * the last are compared here, and all of them once everything is copied.
 */
async function whyNotACopy(
  source: LogSystem,
  target: LogSystem,
  tp: TopicPartition,
  old: Bounds,
  copy: Bounds,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = partitionId(tp)
  if (copy.end > old.end)
    return `${name} ends at ${copy.end} on the new log and at ${old.end} on the old one: others have written there`
  if (copy.end <= old.start) return undefined // nothing of it can be compared; whoever begins there looks for itself
  if (copy.start > old.start)
    return `${name} begins at ${copy.start} on the new log and at ${old.start} on the old one: delete the topic there, and it is copied anew`
  for (const at of [old.start, copy.end - 1n]) {
    const [ours, theirs] = [await recordAt(source, tp, at, signal), await recordAt(target, tp, at, signal)]
    if (!isSame(ours, theirs))
      return `${name} holds something else at ${at} on the new log: delete the topic there if it may go`
  }
  return undefined
}

async function recordAt(
  { log }: LogSystem,
  tp: TopicPartition,
  at: bigint,
  signal: AbortSignal,
): Promise<LogRecord | undefined> {
  const limits = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
  const { records } = await log.read({ ...tp, offset: offset(at) }, limits, signal)
  return records[0]
}

function isSame(a: LogRecord | undefined, b: LogRecord | undefined): boolean {
  return (
    a !== undefined && b !== undefined && fingerprint(a) === fingerprint(b) && sameBytes(a.value, b.value)
  )
}

export async function positionsOf({ log, groups }: LogSystem): Promise<SurveyedPosition[]> {
  const positions: SurveyedPosition[] = []
  for (const group of await groups.list()) {
    for (const committed of await groups.committed(group)) {
      const { start, end } = await log.bounds(committed)
      const from = committed.offset < start ? start : committed.offset
      positions.push({ group, ...committed, lag: end - from })
    }
  }
  return positions
}

/** A group that works on the new log already, or is ahead of the old one, has moved before. */
async function groupsInTheWay(target: LogSystem, positions: readonly SurveyedPosition[]): Promise<string[]> {
  const found: string[] = []
  for (const group of new Set(positions.map(({ group }) => group))) {
    const { members, partitions } = await target.groups.describe(group)
    if (members.length > 0) found.push(`group ${group} has members on the new log: ${members.join(', ')}`)
    const ours = new Map(
      positions.filter(one => one.group === group).map(one => [partitionId(one), one.offset]),
    )
    for (const there of partitions) {
      const position = ours.get(partitionId(there))
      if (position !== undefined && there.committed !== undefined && there.committed > position)
        found.push(
          `group ${group} stands at ${there.committed} of ${partitionId(there)} on the new log and at ${position} on the old one: it has gone on there`,
        )
    }
  }
  return found
}
