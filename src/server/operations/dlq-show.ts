import { jsonIn } from '../../event/index.ts'
import type { LetterDetail, LetterDiff } from '../../recover/index.ts'
import {
  differenceShape,
  groupOf,
  rowFields,
  rowOf,
  selectionFields,
  type DifferenceRow,
  type LetterRow,
} from './dlq-letters.ts'
import { lettersOf } from './letters-of.ts'
import type { Operation } from './operation.ts'
import { choice, flag, json, nullable, number, object, optional, rows, text, type Shape } from './shape.ts'

export interface DlqShowInput {
  readonly id: string
  readonly group?: string | undefined
  readonly diff?: boolean | undefined
}

interface Payload {
  readonly headers: Readonly<Record<string, string>>
  /** The payload as it is, where it is JSON; else its bytes in base64. */
  readonly json: string | null
  readonly base64: string | null
}

interface HistoryRow {
  readonly kind: LetterDetail['history'][number]['kind']
  readonly at: number
  readonly by: string | null
  readonly reason: string | null
}

interface DiffRow {
  readonly good: string | null
  readonly searched: string
  readonly differences: readonly DifferenceRow[]
}

export interface DlqShow extends LetterRow {
  readonly stack: string | null
  readonly firstError: string
  readonly event: Payload
  /** Null unless it was edited: the event as it came. */
  readonly original: Payload | null
  readonly history: readonly HistoryRow[]
  readonly diff: DiffRow | null
}

const payloadShape: Shape<Payload> = object<Payload>({
  headers: json('of the event') as Shape<Payload['headers']>,
  json: nullable(json('the payload as text, where it is JSON') as Shape<string>),
  base64: nullable(json('the payload otherwise') as Shape<string>),
})

export const dlqShow: Operation<DlqShowInput, DlqShow> = {
  name: 'dlq.show',
  summary: 'one dead letter: its event, its errors, and everything that was decided about it',
  role: 'viewer',
  effect: 'none',
  input: object<DlqShowInput>({
    id: text('of the letter'),
    group: selectionFields.group,
    diff: optional(flag('where its data differs from the last good event of its type')),
  }),
  output: object<DlqShow>({
    ...rowFields,
    stack: nullable(text('of the last error', { max: 10_000 })),
    firstError: text('class and message of the first error', { max: 10_000 }),
    event: payloadShape,
    original: nullable(payloadShape),
    history: rows(
      object<HistoryRow>({
        kind: choice('what happened', [
          'died',
          'replaying',
          'resolved',
          'discarded',
          'restored',
          'superseded',
          'edited',
          'noted',
        ]),
        at: number('milliseconds since 1970'),
        by: nullable(text('who')),
        reason: nullable(text('why', { max: 10_000 })),
      }),
    ),
    diff: nullable(
      object<DiffRow>({
        good: nullable(text('id of the event that it is compared with', { max: 100_000 })),
        searched: text('what was looked at'),
        differences: rows(differenceShape),
      }),
    ),
  }),
  async run(context, { id, group, diff = false }) {
    const dead = lettersOf(context, group ?? (await groupOf(context, { ids: [id] })))
    const letter = await dead.show(id)
    const { first, last, edits, history } = letter
    return {
      ...rowOf(letter),
      stack: last.stack ?? null,
      firstError: `${first.code ?? first.name}: ${first.message}`,
      event: payload(letter),
      original: edits > 0 ? payload(letter.original) : null,
      history: history.map(({ kind, at, by, reason }) => ({
        kind,
        at,
        by: by || null,
        reason: reason || null,
      })),
      diff: diff ? diffRow(await dead.diff(id)) : null,
    }
  },
}

function payload({ headers, value }: LetterDetail['original']): Payload {
  const text = value === null ? undefined : jsonIn(value)
  const base64 = value === null || text !== undefined ? null : Buffer.from(value).toString('base64')
  return { headers, json: text ?? null, base64 }
}

function diffRow({ good, searched, differences }: LetterDiff): DiffRow {
  return { good: good?.id ?? null, searched, differences }
}
