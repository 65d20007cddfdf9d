import { HoldfastError, partitionId, type TopicPartition } from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import { PartitionCheck, type CheckedPartition } from './check-partition.ts'
import { beginPartition, copyPartition, type PartitionCopy, type Target } from './copy-partition.ts'
import { positionsOf, survey, type Survey, type SurveyedPosition } from './survey.ts'

/**
 * Moves a log: every topic with its records at the offsets and times that they have, then the positions of all groups
 * with their notes. Offsets stay because so much names them: the notes of positions say how far the retry lane is and
 * who may write there, entries of the lane and dead letters are known by the offset of their event, and the database
 * notes up to which offset everything is applied. Were they translated, each of these would have to be, and one that
 * was forgotten would lose or double events. This way all of it is copied as it is, and can be compared byte by byte.
 *
 * 1. {@link copy}, as often as one likes, while the old log is in use or not. It goes on where the copy ends.
 * 2. Nobody has the old log open any more: {@link finish}. Positions come last: they must not lie above the end.
 *
 * A death at any moment leaves a copy that is too short, or has no positions, and the same again goes on from there.
 */
export interface Migration {
  survey(source: LogSystem): Promise<Survey>
  /** Copies what the old log holds at present and the new one does not, and compares it. Answers how many records. */
  copy(source: LogSystem): Promise<number>
  /** The rest, the positions, and the retention of topics. The old log must be held against everybody else. */
  finish(source: LogSystem): Promise<MigrationReport>
}

export interface MigrationOptions {
  readonly target: LogSystem
  readonly signal: AbortSignal
  /** Told of every page. Must not throw. */
  readonly progress: (of: MigrationProgress) => void
}

/** Records of this round; offsets of them that the new log passes over. */
export interface MigrationProgress {
  readonly step: 'passed over' | 'copied' | 'compared'
  readonly done: number
  readonly of: number
}

export interface MigrationReport {
  readonly partitions: readonly CheckedPartition[]
  readonly positions: readonly SurveyedPosition[]
}

/** Partitions under way at once: a broker stores one batch of a partition after another. */
const AT_ONCE = 4

export function migration({ target, signal, progress }: MigrationOptions): Migration {
  const checks = new Map<string, PartitionCheck>()

  function checkOf({ topic, partition }: TopicPartition): PartitionCheck {
    const id = partitionId({ topic, partition })
    const check = checks.get(id) ?? new PartitionCheck({ topic, partition })
    checks.set(id, check)
    return check
  }

  /** By itself, as it may take long: a broker has to be given a record for each offset. */
  async function begin(copies: readonly (PartitionCopy & { readonly passed: bigint })[]): Promise<void> {
    const of = Number(copies.reduce((sum, { passed }) => sum + passed, 0n))
    let done = 0
    if (of > 0) progress({ step: 'passed over', done, of })
    await eachOf(copies, signal, async one => {
      await beginPartition(one, one.compared)
      done += Number(one.passed)
      progress({ step: 'passed over', done, of })
    })
  }

  async function copy(source: LogSystem): Promise<number> {
    const able = ableTarget(target)
    const before = await survey(source, target, signal)
    if (before.refused.length > 0)
      throw new HoldfastError('MIGRATION_REFUSED', { detail: before.refused.join('; ') })
    await makeTopics(source, target, before.topics)
    const copies = before.partitions.map(tp => {
      const compared = checkOf(tp).result().to
      return { source, target: able, tp, compared, passed: tp.passed, signal }
    })
    await begin(copies.filter(({ passed }) => passed > 0n))
    const of = Number(before.partitions.reduce((sum, { toCopy }) => sum + toCopy, 0n))
    let copied = 0
    await eachOf(copies, signal, one =>
      copyPartition(one, records => {
        copied += records
        progress({ step: 'copied', done: copied, of })
      }),
    )
    const toCompare = before.partitions.map(tp => ({ check: checkOf(tp), left: checkOf(tp).left(tp) }))
    const all = Number(toCompare.reduce((sum, { left }) => sum + left, 0n))
    let compared = 0
    await eachOf(toCompare, signal, ({ check }) =>
      check.goOn(source, target, signal, records => {
        compared += records
        progress({ step: 'compared', done: compared, of: all })
      }),
    )
    return copied
  }

  return {
    survey: source => survey(source, target, signal),
    copy,
    async finish(source) {
      await copy(source)
      const { partitions } = await survey(source, target, signal)
      for (const tp of partitions) {
        const { to } = checkOf(tp).result()
        if (to !== tp.end)
          throw new HoldfastError('MIGRATION_REFUSED', {
            detail: `${partitionId(tp)} was compared up to ${to} and ends at ${tp.end}: somebody still appends to it`,
          })
        await target.log.deleteRecords({ topic: tp.topic, partition: tp.partition, offset: tp.start })
      }
      const positions = await movePositions(source, target)
      await keepRetention(source, target)
      return { partitions: partitions.map(tp => checkOf(tp).result()), positions }
    },
  }
}

function ableTarget(target: LogSystem): Target {
  const { imports } = target
  if (imports === undefined)
    throw new HoldfastError('MIGRATION_REFUSED', { detail: `a ${target.log.kind} log cannot become a copy` })
  return { log: target.log, imports }
}

/** Without retention until the end: a broker might delete what is copied before it was compared. */
async function makeTopics(source: LogSystem, target: LogSystem, topics: readonly string[]): Promise<void> {
  for (const topic of topics) {
    const settings = await source.log.topics.describe(topic)
    if (settings) await target.log.topics.create(topic, { partitions: settings.partitions })
  }
}

async function keepRetention(source: LogSystem, target: LogSystem): Promise<void> {
  for (const topic of await source.log.topics.list()) {
    const settings = await source.log.topics.describe(topic)
    if (settings) await target.log.topics.create(topic, settings)
  }
}

/** And asks the new log for them. */
async function movePositions(source: LogSystem, target: LogSystem): Promise<readonly SurveyedPosition[]> {
  const positions = await positionsOf(source)
  for (const group of new Set(positions.map(({ group }) => group)))
    await ableTarget(target).imports.positions(group, await source.groups.committed(group))
  for (const one of positions) {
    const there = await target.groups.committed(one.group)
    const copy = there.find(two => partitionId(two) === partitionId(one))
    if (copy?.offset !== one.offset || copy.note !== one.note)
      throw new HoldfastError('MIGRATION_DIFFERS', {
        detail: `group ${one.group} stands at ${copy?.offset ?? 'no position'} of ${partitionId(one)} there and at ${one.offset} here, or its note is another`,
      })
  }
  return positions
}

/** A few at a time. The first failure ends it, once those under way have ended too. */
async function eachOf<T>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const failed = new AbortController()
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      signal.throwIfAborted()
      if (failed.signal.aborted) return
      try {
        await work(item)
      } catch (error) {
        failed.abort()
        throw error
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
}
