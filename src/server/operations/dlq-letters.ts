import { HoldfastError, isHoldfastError } from '../../event/index.ts'
import { groupsWithLetters, type DeadLetters, type Letter, type LetterFilter } from '../../recover/index.ts'
import { knownGroup } from './group-standing.ts'
import { lettersOf } from './letters-of.ts'
import type { OperationContext } from './operation.ts'
import { wrongInput } from './problem.ts'
import { choice, digits, flag, json, list, nullable, number, object, optional, text, whole } from './shape.ts'
import type { Fields, Shape } from './shape.ts'

/** What all operations on dead letters share: which letters are meant, and how one looks from outside. */

const statuses = ['died', 'replaying', 'resolved', 'discarded', 'superseded'] as const

/** Which letters. For an act one of them, or `all`, must be given: everything is never meant by nothing. */
export interface LetterSelection {
  readonly group?: string | undefined
  readonly ids?: readonly string[] | undefined
  readonly cause?: string | undefined
  readonly type?: string | undefined
  readonly topic?: string | undefined
  readonly where?: string | undefined
  readonly all?: boolean | undefined
  readonly limit?: number | undefined
}

export const selectionFields: Fields<LetterSelection> = {
  group: optional(text('of which group; it need not be named where only one has such letters')),
  ids: optional(list(text('id of a letter', { pattern: /^dl_[0-9a-f]+$/ }), { max: 10_000 })),
  cause: optional(text('fingerprint of a cause, or code or class of the error')),
  type: optional(text('type of the events')),
  topic: optional(text('of the events')),
  where: optional(
    text('a condition in CEL, such as data.total > 100 && error == "RangeError"', { max: 4_000 }),
  ),
  all: optional(flag('all that are dead')),
  limit: optional(whole('at most so many, the oldest first', { min: 1, max: 1_000_000 })),
}

export const statusField: Shape<LetterFilter['status']> = optional(
  choice('only these; open: dead or being replayed (the default)', ['open', 'all', ...statuses]),
)

/** The group that is named, else all that may have letters. Rejects with `GROUP_UNKNOWN`: a wrong name is no all-clear. */
export async function groupsMeant(
  context: OperationContext,
  group: string | undefined,
): Promise<readonly string[]> {
  const holding = await groupsWithLetters(context.system.log)
  if (group === undefined) return holding
  if (!holding.includes(group)) await knownGroup(context, group)
  return [group]
}

/** The letters that are meant, and how to name them; the group of ids is looked for. */
export async function selected(
  context: OperationContext,
  { group, all, ids, cause, type, topic, where }: LetterSelection,
): Promise<{ readonly dead: DeadLetters; readonly group: string; readonly filter: LetterFilter }> {
  const filter = { ids, cause, type, topic, where }
  const given = Object.values(filter).some(value => value !== undefined)
  if (given === (all === true))
    throw wrongInput('', 'name letters by ids, cause, type, topic or where, or say all, and not both')
  if (group !== undefined) await groupsMeant(context, group)
  const found = group ?? (await groupOf(context, filter))
  return { dead: lettersOf(context, found), group: found, filter }
}

/** The one group that has such letters. */
export async function groupOf(context: OperationContext, filter: LetterFilter): Promise<string> {
  const holding: string[] = []
  for (const group of await groupsWithLetters(context.system.log))
    if (await has(lettersOf(context, group), filter)) holding.push(group)
  const [only] = holding
  if (only === undefined) {
    const what = filter.ids ? `the letter ${filter.ids[0]}` : 'such a letter'
    throw new HoldfastError('LETTER_UNKNOWN', { detail: `no group has ${what}` })
  }
  if (holding.length === 1) return only
  throw wrongInput('/group', `name the group, one of ${holding.join(', ')}`)
}

async function has(dead: DeadLetters, filter: LetterFilter): Promise<boolean> {
  try {
    for await (const _ of dead.list({ ...filter, status: 'all', limit: 1 })) return true
    return false
  } catch (error) {
    if (isHoldfastError(error, 'LETTER_UNKNOWN')) return false
    throw error
  }
}

/** A letter as it looks from outside. */
export interface LetterRow {
  readonly id: string
  readonly group: string
  readonly status: Letter['status']
  readonly version: number
  readonly rounds: number
  readonly edits: number
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly key: string | null
  readonly eventId: string | null
  readonly eventType: string | null
  readonly died: number
  readonly reason: string
  readonly attempts: number
  readonly error: string
  readonly message: string
  readonly cause: string
}

export const rowFields: Fields<LetterRow> = {
  id: text('of the letter'),
  group: text('that gave the event up'),
  status: choice('what has become of it', statuses),
  version: number('grows with every change'),
  rounds: number('how often it was replayed'),
  edits: number('how often it was edited'),
  topic: text('of the event'),
  partition: number('of the event'),
  offset: digits('of the event'),
  key: nullable(text('of the event', { max: 100_000 })),
  eventId: nullable(text('of the event', { max: 100_000 })),
  eventType: nullable(text('of the event', { max: 100_000 })),
  died: number('when it died last, milliseconds since 1970'),
  reason: text('why it was given up'),
  attempts: number('how often it was tried'),
  error: text('class or code of the last error'),
  message: text('of the last error', { max: 10_000 }),
  cause: text('fingerprint: equal for letters that died of the same thing'),
}

export function rowOf(letter: Letter): LetterRow {
  const { id, group, status, version, round, edits, topic, partition, offset, diedAt, reason } = letter
  return {
    id,
    group,
    status,
    version,
    rounds: round,
    edits,
    topic,
    partition,
    offset,
    key: letter.key ?? null,
    eventId: letter.eventId ?? null,
    eventType: letter.eventType ?? null,
    died: diedAt,
    reason,
    attempts: letter.attempts,
    error: letter.last.code ?? letter.last.name,
    message: letter.last.message || letter.last.name,
    cause: letter.cause,
  }
}

/** One difference between two payloads. */
export interface DifferenceRow {
  readonly kind: 'added' | 'removed' | 'changed'
  readonly path: string
  readonly was?: unknown
  readonly now?: unknown
}

export const differenceShape: Shape<DifferenceRow> = object<DifferenceRow>({
  kind: choice('what happened there', ['added', 'removed', 'changed']),
  path: json('JSON pointer; empty for the whole') as Shape<string>,
  was: optional(json('before')),
  now: optional(json('after')),
})

export interface CountRow {
  readonly of: string
  readonly letters: number
}

export const countShape: Shape<CountRow> = object<CountRow>({
  of: text('of what', { max: 100_000 }),
  letters: number('so many'),
})
