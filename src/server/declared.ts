import type { AppCollectorOptions } from './app.ts'
import type { GroupSettings } from '../consume/index.ts'
import type { KnownGroup } from '../explain/index.ts'
import type { LogDriver } from '../log/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { Database } from '../sink/index.ts'

/** What an app was told to do, for tools that look at it without starting it: `holdfast doctor`, `holdfast schema check`. */
export interface Declared {
  readonly log: LogDriver
  readonly db: Database | undefined
  readonly groups: readonly GroupSettings[]
  readonly collector: AppCollectorOptions | undefined
}

/** The topics that a group of the app reads or its collector takes, by name. Those that it only publishes to are not known before it does. */
export function topicsOf({ groups, collector }: Declared): readonly AnyTopic[] {
  const topics = [...groups.flatMap(group => group.topics), ...(collector?.topics ?? [])]
  return [...new Map(topics.map(topic => [topic.name, topic])).values()].toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  )
}

/** The groups of the app as far as an explanation needs them. */
export function knownGroups({ groups }: Declared): readonly KnownGroup[] {
  return groups.map(({ group, topics, handlers, dedup }) => ({
    group,
    topics: topics.map(({ name }) => name),
    handles: type => handlers.has(type),
    hasInbox: type => dedup === 'ids' && handlers.has(type) && handlers.get(type)?.kind !== 'on',
  }))
}
