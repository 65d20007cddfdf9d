import { app, embedded } from 'holdfast'

type System = ReturnType<typeof app>['system']
type Position = Parameters<System['log']['read']>[0]

/**
 * Ids that a group has not turned into rows: buried as dead letters, and waiting behind its positions. Opens the log
 * beside the processes that may still run on it.
 */
export async function leftInLog(
  { folder, topic, group }: { readonly folder: string; readonly topic: string; readonly group: string },
  stored: ReadonlySet<string>,
): Promise<{ readonly dead: readonly string[]; readonly pending: readonly string[] }> {
  const auditor = app({ name: 'audit', log: embedded(folder) })
  await auditor.start({ roles: [] })
  try {
    const dead = new Set(await idsIn(auditor.system, `${topic}.${group}.dead`, () => undefined))
    const positions = await auditor.system.groups.committed(group)
    const waiting = await idsIn(
      auditor.system,
      topic,
      partition => positions.find(at => at.topic === topic && at.partition === partition)?.offset,
    )
    // The position moves a little later than the rows: what has one, or a letter, waits for nothing.
    return { dead: [...dead], pending: waiting.filter(id => !stored.has(id) && !dead.has(id)) }
  } finally {
    await auditor.stop()
  }
}

/** Ids of the events of a topic, in each partition from an offset on; undefined is the first kept one. */
async function idsIn(
  { log }: System,
  topic: string,
  from: (partition: number) => Position['offset'] | undefined,
): Promise<string[]> {
  const ids: string[] = []
  const limits = { maxRecords: 1_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 }
  const { partitions = 0 } = (await log.topics.describe(topic)) ?? {}
  for (let partition = 0; partition < partitions; partition++) {
    const { start } = await log.bounds({ topic, partition })
    for (let offset = from(partition) ?? start; ;) {
      const page = await log.read({ topic, partition, offset }, limits, new AbortController().signal)
      ids.push(...page.records.map(({ headers }) => headers['ce_id'] ?? ''))
      if (page.next === offset) break
      offset = page.next
    }
  }
  return ids
}
