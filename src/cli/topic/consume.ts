import {
  parseWhere,
  systemClock,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../../event/index.ts'
import { partitioner, type Log } from '../../log/index.ts'
import { CliError, exitCode } from '../exit-code.ts'
import type { CliIo } from '../io.ts'
import { interruptible } from '../interrupt.ts'
import { onLog, type OnLogOptions } from '../on-log.ts'
import { timeGiven } from '../operating.ts'
import { eventFields, fieldNames } from './event-fields.ts'
import { offsetOf, placeName } from './place.ts'
import { follow, readMerged, type Range } from './read-merged.ts'
import { DEFAULT_FORMAT, jsonlFormat, recordFormat, type Decode } from './record-format.ts'

export interface ConsumeOptions extends OnLogOptions {
  readonly from: string
  readonly to?: string
  readonly partition?: number
  readonly key?: string
  readonly where?: string
  readonly follow?: boolean
  readonly limit?: number
  readonly format?: string
  readonly decode: Decode
  readonly output: 'text' | 'jsonl'
}

/** Prints the events of a topic. Reads beside all groups: no position is moved. Answers the exit code. */
export async function topicConsume(topic: string, options: ConsumeOptions, io: CliIo): Promise<number> {
  const format =
    options.output === 'jsonl' ? jsonlFormat : recordFormat(options.format ?? DEFAULT_FORMAT, options.decode)
  const wanted = filterOf(options)
  return interruptible(io, signal =>
    onLog(options, io, async ({ system: { log } }) => {
      const ranges = await rangesOf(log, topic, options)
      const done = new AbortController()
      const stop = AbortSignal.any([signal, done.signal])
      let left = options.limit ?? Number.POSITIVE_INFINITY
      const take = async (record: LogRecord): Promise<void> => {
        if (left <= 0 || !wanted(record)) return
        left -= 1
        io.out(format(record))
        await io.taken?.()
        if (left <= 0) done.abort()
      }
      if (left > 0) for await (const record of readMerged(log, ranges, stop)) await take(record)
      if (options.follow !== true || stop.aborted) return
      await follow(log, ranges.map(positionAfter), stop, take)
    }),
  )
}

function positionAfter({ to, topic, partition }: Range): {
  readonly tp: TopicPartition
  readonly from: Offset
} {
  return { tp: { topic, partition }, from: to }
}

function filterOf({ key, where }: ConsumeOptions): (record: LogRecord) => boolean {
  const holds = where === undefined ? undefined : parseWhere(where, fieldNames)
  return record => (key === undefined || record.key === key) && (holds?.(eventFields(record)) ?? true)
}

async function rangesOf(log: Log, topic: string, options: ConsumeOptions): Promise<readonly Range[]> {
  const now = systemClock.now()
  const [from, to] = [
    placeName(timeGiven(options.from), '--from', now),
    placeName(timeGiven(options.to ?? 'end'), '--to', now),
  ]
  const partitions = (await log.topics.describe(topic))?.partitions
  if (partitions === undefined) {
    throw new CliError(`there is no topic ${topic}`, exitCode.notFound, {
      next: `There are ${(await log.topics.list()).join(', ') || 'none'}.`,
    })
  }
  const chosen =
    options.partition ??
    (options.key === undefined ? undefined : partitioner(topic)({ key: options.key }, partitions))
  const ranges: Range[] = []
  for (let partition = 0; partition < partitions; partition++) {
    if (chosen !== undefined && chosen !== partition) continue
    const tp = { topic, partition }
    ranges.push({ ...tp, from: await offsetOf(log, tp, from), to: await offsetOf(log, tp, to) })
  }
  if (ranges.length === 0) {
    throw new CliError(`${topic} has the partitions 0 to ${partitions - 1}`, exitCode.usage, {
      next: `There is none with the number ${options.partition}.`,
    })
  }
  return ranges
}
