import { partitionId } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { READY_TOPIC } from '../readiness.ts'
import { Cursors } from './cursors.ts'
import type { Line } from './line.ts'
import { DECIDED, readSetAside, SET_ASIDE_PARTITIONS, SET_ASIDE_TOPIC } from './set-aside-record.ts'
import { CollectorSpool, type Spool, type SpoolParts } from './spool.ts'

/** Reads where it stands. What is in it from before is drained from now on. */
export async function openSpool(parts: SpoolParts): Promise<Spool> {
  const { storage, topics } = parts
  const cursors = new Cursors(storage)
  await storage.log.topics.create(READY_TOPIC, { partitions: 1, retentionMs: 3_600_000 })
  const saved = new Map((await cursors.saved()).map(at => [partitionId(at), at.offset]))
  await storage.log.topics.create(SET_ASIDE_TOPIC, { partitions: SET_ASIDE_PARTITIONS })
  const book = await readSetAside(storage.log, saved)
  const { end: decidedEnd } = await storage.log.bounds(DECIDED)
  const spool = new CollectorSpool(parts, { cursors, setAside: { book, decidedEnd } })
  const stored = (await storage.log.topics.list()).filter(name => !own.has(name))
  for (const name of new Set([...topics.map(topic => topic.name), ...stored])) {
    const lanes = await lanesOf(
      storage.log,
      name,
      topics.find(topic => topic.name === name)?.partitions ?? 1,
      saved,
    )
    for (const [partition, at] of lanes.entries()) spool.add({ topic: name, partition }, at)
  }
  await spool.start()
  return spool
}

/** Topics of the spool's log that are no lanes. */
const own: ReadonlySet<string> = new Set([READY_TOPIC, SET_ASIDE_TOPIC])

type Stand = ConstructorParameters<typeof Line>[1]

/**
 * The lanes of a topic. Their number stays while there is something in one of them: with another number a key would
 * change its lane, and its newer events would overtake those in the old one.
 */
async function lanesOf(
  log: Log,
  topic: string,
  declared: number,
  saved: ReadonlyMap<string, Stand['cursor']>,
): Promise<readonly Stand[]> {
  const stand = async (partition: number): Promise<Stand> => {
    const { start, end } = await log.bounds({ topic, partition })
    const cursor = saved.get(partitionId({ topic, partition })) ?? start
    return { cursor: cursor < start ? start : cursor, end }
  }
  const stands = async (partitions: number): Promise<Stand[]> =>
    await Promise.all(Array.from({ length: partitions }, (_, partition) => stand(partition)))
  const before = (await log.topics.describe(topic))?.partitions ?? 0
  const found = await stands(before)
  if (before >= declared || found.some(({ cursor, end }) => cursor < end)) return found
  await log.topics.create(topic, { partitions: declared })
  return await stands(declared)
}
