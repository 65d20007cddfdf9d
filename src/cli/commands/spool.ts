import type { Command } from 'commander'
import {
  spoolDiscard,
  spoolReturn,
  type SpoolDiscarded,
  type SpoolReturned,
} from '../../server/operations/spool-decide.ts'
import {
  spoolExport,
  spoolList,
  spoolStatus,
  type SetAsideRow,
  type SpoolList,
  type SpoolShown,
  type TopicCount,
} from '../../server/operations/spool-list.ts'
import { age, bytes, count } from '../../server/readable.ts'
import { exitCode } from '../exit-code.ts'
import type { AskOptions, Operating, OperatingOptions } from '../operating.ts'
import type { View } from '../show.ts'

interface Meant {
  readonly topic?: string
}

/** `holdfast spool …`: of the collector of one running process, so `--url` is needed. */
export function addSpool(program: Command, operating: Operating): void {
  const spool = program
    .command('spool')
    .description('what a collector keeps while its log is away, and what it has set aside (--url)')
  const { io } = operating

  operating
    .command(spool, 'status', spoolStatus)
    .action((options: OperatingOptions) => operating.run(spoolStatus, {}, options, statusView))

  operating
    .command(spool, 'list', spoolList)
    .option('--topic <topic>', 'only those for one topic')
    .option('--limit <n>', 'at most so many; 100 where nothing is said')
    .option('--after <id>', 'the page behind this one')
    .action(
      ({ topic, limit, after, ...options }: OperatingOptions & Meant & { limit?: string; after?: string }) =>
        operating.run(
          spoolList,
          { topic, after, limit: limit === undefined ? undefined : Number(limit) },
          options,
          listView,
        ),
    )

  operating
    .asking(spool, 'export')
    .argument('[ids...]', 'as spool list names them; all where none is named')
    .option('--topic <topic>', 'only those for one topic')
    .description(
      'print events that the spool has set aside, whole, as lines of JSON that topic produce reads',
    )
    .action(async (given: readonly string[], { topic, ...options }: AskOptions & Meant) => {
      for (let after: string | undefined, more = true; more;) {
        const { lines, next } = await operating.ask(spoolExport, { ids: named(given), topic, after }, options)
        for (const line of lines) io.out(`${line}\n`)
        more = next !== null
        after = next ?? undefined
      }
    })

  operating
    .command(spool, 'return', spoolReturn)
    .argument('[ids...]', 'as spool list names them; all where none is named')
    .option('--topic <topic>', 'only those for one topic')
    .action((given: readonly string[], { topic, ...options }: OperatingOptions & Meant) =>
      operating.run(spoolReturn, { ids: named(given), topic }, options, returnView),
    )

  operating
    .command(spool, 'discard', spoolDiscard)
    .argument('[ids...]', 'as spool list names them')
    .option('--topic <topic>', 'only those for one topic')
    .option('--all', 'all that are set aside')
    .action(
      (given: readonly string[], { topic, all, ...options }: OperatingOptions & Meant & { all?: boolean }) =>
        operating.run(spoolDiscard, { ids: named(given), topic, all }, options, discardView),
    )
}

function named(ids: readonly string[]): readonly string[] | undefined {
  return ids.length === 0 ? undefined : ids
}

const statusView: View<SpoolShown> = {
  items: answer => [answer],
  columns: {
    state: (one: SpoolShown) => one.state,
    since: (one: SpoolShown, time) => time(one.since),
    events: (one: SpoolShown) => one.events,
    bytes: (one: SpoolShown) => bytes(one.bytes),
    oldest: (one: SpoolShown) => age(one.oldestAgeMs / 1_000),
    'set aside': (one: SpoolShown) => one.setAside,
    'set aside since': (one: SpoolShown, time) => time(one.setAsideSince),
    reason: (one: SpoolShown) => one.reason,
  },
  wide: { folder: (one: SpoolShown) => one.folder },
  notes: ({ setAsideTopics }) => (setAsideTopics.length === 0 ? [] : [adviceFor(setAsideTopics)]),
}

function adviceFor(topics: readonly TopicCount[]): string {
  const names = topics.map(({ topic }) => topic).join(', ')
  return `set aside as too large for ${names}: raise max.message.bytes there, then holdfast spool return`
}

const listView: View<SpoolList> = {
  items: ({ events }) => events,
  columns: {
    id: (one: SetAsideRow) => one.id,
    topic: (one: SetAsideRow) => one.topic,
    event: (one: SetAsideRow) => one.eventId,
    type: (one: SetAsideRow) => one.eventType,
    key: (one: SetAsideRow) => one.key,
    size: (one: SetAsideRow) => bytes(one.bytes),
    since: (one: SetAsideRow, time) => time(one.since),
  },
  wide: { why: (one: SetAsideRow) => one.why },
  empty: 'nothing is set aside',
  notes: ({ next }) => (next === null ? [] : [`there are more: --after ${next}`]),
}

const returnView: View<SpoolReturned> = {
  items: answer => [answer],
  columns: {
    returned: (one: SpoolReturned) => one.returned,
    refused: (one: SpoolReturned) => one.refused,
    left: (one: SpoolReturned) => one.left,
  },
  notes: ({ refusals: [first], stopped }) => [
    ...(first === undefined ? [] : [`${first.id}: ${first.reason}`]),
    ...(stopped === null ? [] : [`ended before all were tried: ${stopped}`]),
  ],
  exit: ({ refused, stopped }) =>
    stopped === null ? (refused > 0 ? exitCode.refused : undefined) : exitCode.unreachable,
}

const discardView: View<SpoolDiscarded> = {
  items: ({ byTopic }) => byTopic,
  columns: { topic: (one: TopicCount) => one.topic, events: (one: TopicCount) => count(one.events) },
  empty: 'none is meant',
}
