import { silentLogger, systemClock, systemRandom, type Clock, type Position } from '../../src/event/index.ts'
import { embedded, type EmbeddedOptions } from '../../src/drivers/embedded/index.ts'
import type { LogSystem } from '../../src/log/index.ts'

/** The embedded log as a process of its own would open it, with room on the smallest disk. */
export function openLog(
  folder: string,
  options: EmbeddedOptions = {},
  clock: Clock = systemClock,
): Promise<LogSystem> {
  return embedded(folder, { minFreeBytes: 0, reserveBytes: 0, ...options }).open({
    clock,
    random: systemRandom,
    logger: silentLogger,
  })
}

/** All that a partition holds, as text to compare: `offset@time key=value {headers}`. Throws what a reader would be told. */
export async function readAll(system: LogSystem, topic: string, partition: number): Promise<string[]> {
  const { log } = system
  const { start, end } = await log.bounds({ topic, partition })
  const lines: string[] = []
  for (let offset = start; offset < end;) {
    const at: Position = { topic, partition, offset }
    const result = await log.read(
      at,
      { maxRecords: 100, maxBytes: 64 * 1024, waitMs: 0 },
      AbortSignal.any([]),
    )
    for (const { offset, timestamp, key, value, headers } of result.records) {
      const text = value === null ? 'null' : Buffer.from(value).toString('base64')
      lines.push(`${offset}@${timestamp} ${key ?? '-'}=${text} ${JSON.stringify(headers)}`)
    }
    if (result.next === offset) throw new Error(`nothing at ${offset}, below the end ${end}`)
    offset = result.next
  }
  return lines
}

/** Everything that a user of the log can see of it, by name. A part that is refused is the code of the refusal. */
export async function lookAtAll(
  system: LogSystem,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
  group: string,
): Promise<Record<string, string>> {
  const seen: Record<string, string> = {}
  const look = async (name: string, ask: () => Promise<string>): Promise<void> => {
    seen[name] = await ask().catch(
      (error: unknown) => `refused: ${String((error as { code?: unknown }).code ?? error)}`,
    )
  }
  await look('topics', async () => (await system.log.topics.list()).join())
  for (const { topic, partition } of partitions) {
    await look(`${topic}/${partition}`, async () => (await readAll(system, topic, partition)).join('\n'))
  }
  await look(`group ${group}`, async () => {
    const committed = await system.groups.committed(group)
    return committed.map(c => `${c.topic}/${c.partition}:${c.offset} ${c.note ?? ''}`).join('\n')
  })
  return seen
}
