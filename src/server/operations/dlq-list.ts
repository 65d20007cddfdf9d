import type { LetterFilter } from '../../recover/index.ts'
import { groupsMeant, rowFields, rowOf, selectionFields, statusField, type LetterRow } from './dlq-letters.ts'
import { lettersOf } from './letters-of.ts'
import type { Operation } from './operation.ts'
import { nullable, object, optional, rows, text, whole } from './shape.ts'

export interface DlqListInput {
  readonly group?: string | undefined
  readonly status?: LetterFilter['status']
  readonly cause?: string | undefined
  readonly type?: string | undefined
  readonly topic?: string | undefined
  readonly where?: string | undefined
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

export interface DlqList {
  readonly letters: readonly LetterRow[]
  /** What `after` takes for the next page; null at the end, and where several groups are listed. */
  readonly next: string | null
}

const DEFAULT_LIMIT = 100

const { cause, type, topic, where } = selectionFields

export const dlqList: Operation<DlqListInput, DlqList> = {
  name: 'dlq.list',
  summary: 'list dead letters, newest first',
  role: 'viewer',
  effect: 'none',
  input: object<DlqListInput>({
    group: optional(text('only those of one group')),
    status: statusField,
    cause,
    type,
    topic,
    where,
    limit: optional(
      whole(`at most so many; ${DEFAULT_LIMIT} where nothing is said`, { min: 1, max: 10_000 }),
    ),
    after: optional(text('the page behind this letter; needs a group')),
  }),
  output: object<DlqList>({
    letters: rows(object<LetterRow>(rowFields)),
    next: nullable(text('the letter behind which the next page begins')),
  }),
  async run(context, { group, limit = DEFAULT_LIMIT, ...filter }) {
    const groups = await groupsMeant(context, group)
    const letters: LetterRow[] = []
    for (const one of groups) {
      for await (const letter of lettersOf(context, one).list({ ...filter, limit }))
        letters.push(rowOf(letter))
    }
    const page = letters.toSorted((a, b) => (groups.length > 1 ? b.died - a.died : 0)).slice(0, limit)
    return {
      letters: page,
      next: groups.length === 1 && page.length === limit ? (page.at(-1)?.id ?? null) : null,
    }
  },
}
