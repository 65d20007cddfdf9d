import type { Command } from 'commander'
import {
  retryCancel,
  retryList,
  retryRunNow,
  type RetryDecided,
  type RetryList,
  type RetryRow,
} from '../../server/operations/retries.ts'
import { exitCode } from '../exit-code.ts'
import type { Operating, OperatingOptions } from '../operating.ts'
import type { View } from '../show.ts'

type OneOptions = OperatingOptions & { readonly group?: string }

/** `holdfast retry …`: events that wait in retry lanes, in whichever process. */
export function addRetry(program: Command, operating: Operating): void {
  const retry = program.command('retry').description('events that wait for a retry')

  operating
    .command(retry, 'list', retryList)
    .option('--group <name>', 'only those of one group')
    .option('--limit <n>', 'at most so many; 100 where nothing is said')
    .action(({ group, limit, ...options }: OneOptions & { readonly limit?: string }) =>
      operating.run(
        retryList,
        { group, limit: limit === undefined ? undefined : Number(limit) },
        options,
        listView,
      ),
    )

  operating
    .command(retry, 'run-now', retryRunNow)
    .argument('<id>', 'of the event, or topic/partition/offset')
    .option('--group <name>', 'in which group, where several wait with it')
    .action((id: string, { group, ...options }: OneOptions) =>
      operating.run(retryRunNow, { id, group }, options, decidedView),
    )

  operating
    .command(retry, 'cancel', retryCancel)
    .argument('<id>', 'of the event, or topic/partition/offset')
    .option('--group <name>', 'in which group, where several wait with it')
    .action((id: string, { group, ...options }: OneOptions) =>
      operating.run(retryCancel, { id, group }, options, decidedView),
    )
}

const columns: View<object>['columns'] = {
  group: (one: RetryRow) => one.group,
  id: (one: RetryRow) => one.id ?? one.event,
  type: (one: RetryRow) => one.type,
  key: (one: RetryRow) => one.key,
  state: (one: RetryRow) => one.state,
  attempts: (one: RetryRow) => one.attempts,
  due: (one: RetryRow, time) => time(one.due),
  error: (one: RetryRow) => one.error?.split('\n', 1)[0] ?? null,
}
const wide: View<object>['columns'] = { event: (one: RetryRow) => one.event }

const listView: View<RetryList> = {
  items: ({ retries }) => retries,
  columns,
  wide,
  empty: 'nothing waits for a retry',
  notes: ({ more }) => (more ? ['there are more: --limit'] : []),
}

const decidedView: View<RetryDecided> = {
  items: answer => [answer],
  columns: {
    ...columns,
    outcome: (one: RetryDecided) => one.outcome,
    refused: (one: RetryDecided) => one.refused,
  },
  wide,
  notes: ({ outcome }) =>
    outcome === 'unanswered' ? ['nobody runs the group now: it is done as soon as somebody does'] : [],
  exit: ({ outcome }) =>
    outcome === 'refused' ? exitCode.refused : outcome === 'unanswered' ? exitCode.unreachable : undefined,
}
