import { HoldfastError, partitionId } from '../../event/index.ts'
import { askOwners, type Asked } from '../../recover/index.ts'
import type { FoldedEntry } from '../../recover/lane/index.ts'
import { groupNames, knownGroup } from './group-standing.ts'
import { lanesOf } from './lanes-open.ts'
import type { Operation, OperationContext } from './operation.ts'
import { wrongInput } from './problem.ts'
import { choice, flag, nullable, number, object, optional, rows, text, whole, type Fields } from './shape.ts'

/** An event that waits in a retry lane. */
export interface RetryRow {
  readonly group: string
  /** Of the event. */
  readonly id: string | null
  /** Where it came from: `topic/partition/offset`. */
  readonly event: string
  readonly type: string | null
  readonly key: string | null
  readonly state: RetryState
  readonly attempts: number
  /** When it is tried again, milliseconds since 1970. */
  readonly due: number | null
  readonly error: string | null
}

const retryStates = ['due', 'waits', 'behind', 'held'] as const
type RetryState = (typeof retryStates)[number]

const rowFields: Fields<RetryRow> = {
  group: text('that failed with it'),
  id: nullable(text('of the event')),
  event: text('where it came from: topic/partition/offset'),
  type: nullable(text('of the event')),
  key: nullable(text('whose later events wait behind it', { max: 100_000 })),
  state: choice(
    'due: as soon as there is a place. waits: until its time. behind: an older event of its key. held: dead, until somebody decides',
    retryStates,
  ),
  attempts: number('that failed'),
  due: nullable(number('when it is tried again, milliseconds since 1970')),
  error: nullable(text('of the last attempt', { max: 10_000 })),
}

export interface RetryList {
  readonly retries: readonly RetryRow[]
  /** There are more than were asked for. */
  readonly more: boolean
}

const DEFAULT_LIMIT = 100

export const retryList: Operation<
  { readonly group?: string | undefined; readonly limit?: number | undefined },
  RetryList
> = {
  name: 'retry.list',
  summary: 'list events that wait for a retry, or behind one of their key that does',
  role: 'viewer',
  effect: 'none',
  input: object({
    group: optional(text('only those of one group')),
    limit: optional(
      whole(`at most so many; ${DEFAULT_LIMIT} where nothing is said`, { min: 1, max: 10_000 }),
    ),
  }),
  output: object<RetryList>({
    retries: rows(object<RetryRow>(rowFields)),
    more: flag('there are more than were asked for'),
  }),
  async run(context, { group, limit = DEFAULT_LIMIT }) {
    const retries: RetryRow[] = []
    for (const one of await groupsMeant(context, group)) {
      for await (const { row } of waitingIn(context, one)) {
        if (retries.length === limit) return { retries, more: true }
        retries.push(row)
      }
    }
    return { retries, more: false }
  },
}

export interface RetryInput {
  readonly id: string
  readonly group?: string | undefined
}

export interface RetryDecided extends RetryRow {
  /** `unanswered`: nobody runs the group now; it is done as soon as somebody does. Null for what was only previewed. */
  readonly outcome: 'accepted' | 'refused' | 'unanswered' | null
  /** Why it was refused. */
  readonly refused: string | null
}

const input = object<RetryInput>({
  id: text('of the event, or topic/partition/offset'),
  group: optional(text('in which group, where several wait with it')),
})
const output = object<RetryDecided>({
  ...rowFields,
  outcome: nullable(choice('what the owner said', ['accepted', 'refused', 'unanswered'] as const)),
  refused: nullable(text('why it was refused', { max: 10_000 })),
})

export const retryRunNow: Operation<RetryInput, RetryDecided> = {
  name: 'retry.run-now',
  summary: 'try an event now that waits for its retry',
  role: 'operator',
  effect: 'change',
  input,
  output,
  run: (context, { id, group }) => decide(context, { id, group, action: 'run-now' }),
}

export const retryCancel: Operation<RetryInput, RetryDecided> = {
  name: 'retry.cancel',
  summary: 'give up an event that waits for its retry: it becomes a dead letter, and its key goes on',
  role: 'operator',
  effect: 'decision',
  input,
  output,
  async run(context, { id, group }) {
    if (context.execute) return decide(context, { id, group, action: 'cancel' })
    const { row } = await theOne(context, id, group)
    return { ...row, outcome: null, refused: null }
  },
}

async function decide(
  context: OperationContext,
  { id, group, action }: RetryInput & { readonly action: 'run-now' | 'cancel' },
): Promise<RetryDecided> {
  const { system, clock, random, signal, actor, reason = '' } = context
  const { row, asked } = await theOne(context, id, group)
  let answer: Asked = { kind: 'unanswered' }
  await askOwners([asked], {
    log: system.log,
    group: row.group,
    action,
    wish: { by: actor.name, reason },
    perSecond: undefined,
    answerMs: ANSWER_MS,
    clock,
    random,
    signal,
    room: undefined,
    answered: (_, said) => (answer = said),
  })
  return { ...row, ...outcomeOf(answer) }
}

function outcomeOf(answer: Asked): Pick<RetryDecided, 'outcome' | 'refused'> {
  switch (answer.kind) {
    case 'refused':
      return { outcome: 'refused', refused: answer.reason }
    case 'unanswered':
      return { outcome: 'unanswered', refused: null }
    case 'accepted':
    case 'forgotten':
      return { outcome: 'accepted', refused: null }
  }
}

/** How long its owner may take. Less than the commands' own time-out. */
const ANSWER_MS = 10_000

interface Waiting {
  readonly row: RetryRow
  readonly asked: Parameters<typeof askOwners>[0][number]
}

/** Rejects with `RETRY_UNKNOWN` when no group waits with it, and with `INPUT_INVALID` when several do. */
async function theOne(context: OperationContext, id: string, group: string | undefined): Promise<Waiting> {
  const found: Waiting[] = []
  for (const one of await groupsMeant(context, group))
    for await (const waiting of waitingIn(context, one))
      if (waiting.row.id === id || waiting.row.event === id) found.push(waiting)
  const [only, another] = found
  if (only === undefined)
    throw new HoldfastError('RETRY_UNKNOWN', { detail: `${id} in ${group ?? 'no group'}` })
  if (another === undefined) return only
  const places = found.map(({ row }) => `${row.event} in ${row.group}`).join(', ')
  throw wrongInput('/id', `name the group and the place, one of ${places}`)
}

async function groupsMeant(context: OperationContext, group: string | undefined): Promise<readonly string[]> {
  if (group === undefined) return groupNames(context)
  await knownGroup(context, group)
  return [group]
}

async function* waitingIn(context: OperationContext, group: string): AsyncGenerator<Waiting> {
  const now = context.clock.now()
  for await (const { origin, entries, about } of lanesOf(context, group)) {
    const heads = new Map<string, FoldedEntry>()
    const sorted = entries.toSorted((a, b) => (a.origin < b.origin ? -1 : 1))
    for (const entry of sorted)
      if (entry.key !== undefined && !heads.has(entry.key)) heads.set(entry.key, entry)
    for (const entry of sorted) {
      const { key, state, generation } = entry
      const { id = null, type = null } = about.get(entry.origin) ?? {}
      const isBehind = key !== undefined && heads.get(key) !== entry
      const kind = isBehind
        ? 'behind'
        : state.final !== undefined
          ? 'held'
          : state.dueAt > now
            ? 'waits'
            : 'due'
      yield {
        row: {
          group,
          id,
          event: `${partitionId(origin)}/${entry.origin}`,
          type,
          key: key ?? null,
          state: kind,
          attempts: state.attempts,
          due: kind === 'waits' ? state.dueAt : null,
          error: state.last?.message ?? null,
        },
        asked: { letter: { ...origin, origin: entry.origin, generation }, state: { version: 0 } },
      }
    }
  }
}
