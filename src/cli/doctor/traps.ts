import type { GroupSettings } from '../../consume/index.ts'
import type { Finding } from '../../event/index.ts'
import { deadTopicOf } from '../../recover/index.ts'
import type { AnyTopic } from '../../schema/index.ts'
import { topicsOf, type Declared } from '../../server/declared.ts'
import { age } from '../../server/readable.ts'

/** What a log that is there already says of an app's topics and groups. */
export interface LogFacts {
  /** Retention of each topic in milliseconds, undefined for ever; and its partitions. */
  readonly topics: ReadonlyMap<
    string,
    { readonly retentionMs: number | undefined; readonly partitions: number }
  >
  /** Names of the members of each group, and whether it has a position. */
  readonly groups: ReadonlyMap<string, { readonly members: readonly string[]; readonly hasPosition: boolean }>
}

/** Settings that lose events or do them twice, though each alone is allowed. `log` is undefined for one that is not there yet. */
export function trapFindings(app: string, declared: Declared, log: LogFacts | undefined): Finding[] {
  const found = [
    ...volatileLog(declared),
    ...topicsOf(declared).flatMap(topic => shrunkTopic(topic, log)),
    ...declared.groups.flatMap(group => [
      ...group.topics.flatMap(topic => [
        ...retryOutlivesRetention(group, topic),
        ...lettersDieFirst(group, topic, log),
      ]),
      ...skipsHistory(group, log),
      ...sharedName(app, group, log),
    ]),
  ]
  if (found.length > 0) return found
  const { groups } = declared
  return [
    {
      check: 'app',
      status: 'ok',
      found: `${app}: ${topicsOf(declared).length} topics, ${groups.length} groups, no trap found`,
    },
  ]
}

function volatileLog({ log }: Declared): Finding[] {
  if (log.kind !== 'memory') return []
  return [
    {
      check: 'log',
      status: 'warn',
      found: 'the log is in memory: every event is gone with the process',
      advice: "Use embedded('.holdfast/log') outside tests.",
    },
  ]
}

function shrunkTopic(topic: AnyTopic, log: LogFacts | undefined): Finding[] {
  const there = log?.topics.get(topic.name)
  if (there === undefined || topic.partitions >= there.partitions) return []
  return [
    {
      check: `topic ${topic.name}`,
      status: 'fail',
      found: `${topic.partitions} partitions are declared and the log has ${there.partitions}`,
      advice: 'Partitions can never shrink: declare as many as there are, or more.',
    },
  ]
}

/** An event that waits for its last attempt must not be deleted meanwhile. */
function retryOutlivesRetention(
  { group, retryDelaysMs, deadlineMs }: GroupSettings,
  topic: AnyTopic,
): Finding[] {
  const longest = retryDelaysMs.reduce((sum, ms) => sum + ms, 0) + deadlineMs * (retryDelaysMs.length + 1)
  if (longest < topic.retainMs) return []
  return [
    {
      check: `group ${group}`,
      status: 'fail',
      found: `its attempts may take ${age(longest / 1000)}, and ${topic.name} keeps events for ${age(topic.retainMs / 1000)}`,
      advice:
        'Retention would delete events that are still being tried: raise retain, or shorten retry and deadline.',
    },
  ]
}

function lettersDieFirst({ group }: GroupSettings, topic: AnyTopic, log: LogFacts | undefined): Finding[] {
  const name = deadTopicOf(topic.name, group)
  const retentionMs = log?.topics.get(name)?.retentionMs
  if (retentionMs === undefined || retentionMs >= topic.retainMs) return []
  return [
    {
      check: `dead letters of ${group}`,
      status: 'fail',
      found: `${name} keeps letters for ${age(retentionMs / 1000)}, and ${topic.name} its events for ${age(topic.retainMs / 1000)}`,
      advice: 'A letter would be gone before its event: keep letters at least as long.',
    },
  ]
}

function skipsHistory({ group, from }: GroupSettings, log: LogFacts | undefined): Finding[] {
  if (from !== 'latest' || log?.groups.get(group)?.hasPosition === true) return []
  return [
    {
      check: `group ${group}`,
      status: 'warn',
      found: "it has no position yet and begins with from: 'latest'",
      advice: "Events until its first start are never read. Use from: 'earliest' unless that is meant.",
    },
  ]
}

/** A group's name is its identity: two apps under one name share out the partitions, and each sees a part of the events. */
function sharedName(app: string, { group }: GroupSettings, log: LogFacts | undefined): Finding[] {
  const strangers = (log?.groups.get(group)?.members ?? []).filter(member => !member.startsWith(`${app}@`))
  if (strangers.length === 0) return []
  return [
    {
      check: `group ${group}`,
      status: 'fail',
      found: `another app is a member of it: ${strangers.join(', ')}`,
      advice: `Each would get a part of the events only: give the group of ${app} a name of its own.`,
    },
  ]
}
