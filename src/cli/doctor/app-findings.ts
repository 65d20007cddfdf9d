import { quickLook } from '../../drivers/embedded/index.ts'
import { isHoldfastError, silentLogger, systemClock, systemRandom, type Finding } from '../../event/index.ts'
import type { LogSystem, WantedTopic } from '../../log/index.ts'
import { ownTopicsOf } from '../../recover/index.ts'
import type { App } from '../../server/app.ts'
import { topicsOf, type Declared } from '../../server/declared.ts'
import { withLog } from '../open-log.ts'
import { trapFindings, type LogFacts } from './traps.ts'

/** What its log says of an app: settings that lose events, and on a log that others may change, what is not as declared. */
export async function appFindings(
  { name, declared }: App<boolean>,
  folder: string | undefined,
): Promise<Finding[]> {
  try {
    if (declared.log.remote === true) return await remoteFindings(name, declared)
    const facts = (system: LogSystem): Promise<LogFacts> => factsOf(system, declared)
    const isWhole = folder !== undefined && isWholeLog(folder)
    return trapFindings(name, declared, isWhole ? await withLog(folder, facts) : undefined)
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return [
      { check: 'log', status: 'fail', found: error.message, advice: `holdfast explain-error ${error.code}` },
    ]
  }
}

/** What a look finds broken is for other findings to tell, and not opened. */
function isWholeLog(folder: string): boolean {
  const seen = quickLook(folder)
  return seen !== undefined && seen.problem === undefined
}

/** A log that others may change too: its topics are compared with what the app declares. */
async function remoteFindings(name: string, declared: Declared): Promise<Finding[]> {
  const system = await declared.log.open({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
  try {
    const compared = await system.examine?.(wantedTopics(declared))
    return [...(compared ?? []), ...trapFindings(name, declared, await factsOf(system, declared))]
  } finally {
    await system.close()
  }
}

/** Those that the app declares, each with the lanes and letters of its groups: as a start makes them. */
function wantedTopics(declared: Declared): readonly WantedTopic[] {
  const isRead = (name: string): boolean =>
    declared.groups.some(({ topics }) => topics.some(topic => topic.name === name))
  return [
    ...topicsOf(declared).map(({ name, partitions, retainMs, retainBytes }) => ({
      name,
      partitions,
      retentionMs: retainMs,
      retentionBytes: retainBytes,
      isRead: isRead(name),
    })),
    ...declared.groups.flatMap(({ group, topics }) =>
      topics.flatMap(({ name, partitions }) =>
        ownTopicsOf(name, group).map(own => ({ name: own, partitions, isRead: false })),
      ),
    ),
  ]
}

/** Of what the app declares: a log may hold much of others. */
async function factsOf({ log, groups }: LogSystem, declared: Declared): Promise<LogFacts> {
  const topics = new Map<string, { retentionMs: number | undefined; partitions: number }>()
  for (const { name } of wantedTopics(declared)) {
    const settings = await log.topics.describe(name)
    if (settings !== undefined)
      topics.set(name, { retentionMs: settings.retentionMs, partitions: settings.partitions })
  }
  const members = new Map<string, { members: readonly string[]; hasPosition: boolean }>()
  for (const { group } of declared.groups) {
    const described = await groups.describe(group)
    const hasPosition = described.partitions.some(({ committed }) => committed !== undefined)
    members.set(group, { members: described.members, hasPosition })
  }
  return { topics, groups: members }
}
