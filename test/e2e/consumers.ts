import { moves } from '../apps/moves-topic.ts'
import { until } from '../harness/until.ts'
import { startSystem, type Consumer, type System, type SystemOptions } from './system.ts'

/** Partitions of all groups together, by `group/partition`, that some of these processes run. */
export async function running(consumers: readonly Consumer[]): Promise<Set<string>> {
  const statuses = await Promise.all(consumers.map(one => one.status().catch(() => undefined)))
  return new Set(
    statuses.flatMap(
      status =>
        status?.groups.flatMap(group =>
          group.partitions.flatMap(one => (one.state === 'running' ? `${group.group}/${one.partition}` : [])),
        ) ?? [],
    ),
  )
}

/** Waits until these processes run everything between them. */
export async function allRun(consumers: readonly Consumer[], groups: readonly string[]): Promise<void> {
  await until(
    'all partitions run',
    async () => (await running(consumers)).size === groups.length * moves.partitions,
  )
}

/** Waits until these processes run everything between them and have done all that is in the log. */
export async function allDone(
  consumers: readonly Consumer[],
  groups: readonly string[],
  limitMs = 600_000,
): Promise<void> {
  await until(
    'every group has done everything',
    async () => {
      const statuses = await Promise.all(consumers.map(one => one.status()))
      return (
        (await running(consumers)).size === groups.length * moves.partitions &&
        statuses.every(one => one.groups.every(group => group.lag === 0 && group.parked === 0))
      )
    },
    limitMs,
  )
}

/** A system whose first process only collects, and some that only consume. */
export async function startShared(
  options: SystemOptions,
  consumers: number,
): Promise<{ system: System; consumers: Consumer[] }> {
  const system = await startSystem({ ...options, roles: ['collector'] })
  const started = await Promise.all(Array.from({ length: consumers }, () => system.startConsumer()))
  await allRun(started, options.groups)
  return { system, consumers: started }
}
