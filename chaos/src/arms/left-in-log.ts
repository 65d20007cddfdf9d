import { app } from 'holdfast'
import { logOf, type ArmLog } from './arm-log.ts'

type System = ReturnType<typeof app>['system']
type Position = Parameters<System['log']['read']>[0]

/** What is read of a group. */
export interface Left {
  readonly log: ArmLog
  readonly topic: string
  readonly group: string
  /** Where what it gave up lies. Defaults to the topic that Holdfast has for it. */
  readonly deadTopic?: string
}

/**
 * Ids that a group has not turned into rows: buried as dead letters, and waiting behind its positions or in its retry
 * lanes. Opens the log beside the processes that may still run on it.
 */
export async function leftInLog(
  { log, topic, group, deadTopic = `${topic}.${group}.dead` }: Left,
  stored: ReadonlySet<string>,
): Promise<{ readonly dead: readonly string[]; readonly pending: readonly string[] }> {
  const auditor = app({ name: 'audit', log: logOf(log) })
  await auditor.start({ roles: [] })
  try {
    const dead = new Set(await idsIn(auditor.system, deadTopic, () => undefined))
    const positions = await auditor.system.groups.committed(group)
    const waiting = await idsIn(
      auditor.system,
      topic,
      partition => positions.find(at => at.topic === topic && at.partition === partition)?.offset,
    )
    // The position moves a little later than the rows: what has one, or a letter, waits for nothing.
    waiting.push(...(await parkedIn(auditor.system, `${topic}.${group}.retry`)))
    return { dead: [...dead], pending: waiting.filter(id => !stored.has(id) && !dead.has(id)) }
  } finally {
    await auditor.stop()
  }
}

/** Ids of the events of a topic, in each partition from an offset on; undefined is the first kept one. */
async function idsIn(system: System, topic: string, from: From): Promise<string[]> {
  const ids: string[] = []
  for await (const { headers } of recordsIn(system, topic, from)) ids.push(headers['ce_id'] ?? '')
  return ids
}

/** Ids that were parked in a retry lane, and whose entries nothing has closed since. */
async function parkedIn(system: System, lane: string): Promise<string[]> {
  const open = new Map<string, string>()
  for await (const { partition, headers } of recordsIn(system, lane, () => undefined)) {
    const { kind, origin } = JSON.parse(headers['hf-lane'] ?? '{}') as { kind?: string; origin?: string }
    const entry = `${partition}/${origin}`
    if (kind === 'park') open.set(entry, headers['ce_id'] ?? '')
    if (kind === 'closed') open.delete(entry)
  }
  return [...open.values()]
}

type From = (partition: number) => Position['offset'] | undefined
type Page = Awaited<ReturnType<System['log']['read']>>

async function* recordsIn(
  { log }: System,
  topic: string,
  from: From,
): AsyncGenerator<Page['records'][number]> {
  const limits = { maxRecords: 1_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 }
  const { partitions = 0 } = (await log.topics.describe(topic)) ?? {}
  for (let partition = 0; partition < partitions; partition++) {
    const { start } = await log.bounds({ topic, partition })
    for (let offset = from(partition) ?? start; ;) {
      const page = await log.read({ topic, partition, offset }, limits, new AbortController().signal)
      yield* page.records
      if (page.next === offset) break
      offset = page.next
    }
  }
}
