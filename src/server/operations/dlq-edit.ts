import type { Edit } from '../../recover/index.ts'
import { refusedShape, selectedFields, selectedOf, type DlqSelected, type RefusedRow } from './dlq-decide.ts'
import {
  differenceShape,
  selected,
  selectionFields,
  type DifferenceRow,
  type LetterSelection,
} from './dlq-letters.ts'
import type { Operation } from './operation.ts'
import { wrongInput } from './problem.ts'
import { json, number, object, optional, rows, text } from './shape.ts'

/** Exactly one of `patch` and `data` is given. */
export interface DlqEditInput extends LetterSelection {
  readonly patch?: unknown
  readonly data?: unknown
}

interface ExampleRow {
  readonly id: string
  readonly differences: readonly DifferenceRow[]
}

export interface DlqEdit extends DlqSelected {
  readonly edited: number
  readonly refused: readonly RefusedRow[]
  readonly examples: readonly ExampleRow[]
}

export const dlqEdit: Operation<DlqEditInput, DlqEdit> = {
  name: 'dlq.edit',
  summary:
    'give dead letters other data, checked by its schema; a replay runs it as a new event, and the original stays',
  role: 'operator',
  effect: 'decision',
  input: object<DlqEditInput>({
    ...selectionFields,
    patch: optional(json('JSON merge patch (RFC 7396) of the data: fields replace, null removes')),
    data: optional(json('the whole data, in place of what was there')),
  }),
  output: object<DlqEdit>({
    ...selectedFields,
    edited: number('that have, or would have, other data'),
    refused: rows(refusedShape),
    examples: rows(object<ExampleRow>({ id: text('of a letter'), differences: rows(differenceShape) })),
  }),
  async run(context, { patch, data, ...input }) {
    const { execute, actor, reason = 'a preview', signal } = context
    const edit = editOf(patch, data)
    const { dead, group, filter } = await selected(context, input)
    const options = { reason, by: actor.name, dryRun: !execute, limit: input.limit, signal }
    const report = await dead.edit(filter, edit, options)
    const { edited, refused, examples } = report
    return { ...selectedOf(group, report), edited, refused, examples }
  },
}

function editOf(patch: unknown, data: unknown): Edit {
  if ((patch === undefined) !== (data === undefined)) return patch === undefined ? () => data : { patch }
  throw wrongInput('', 'exactly one of patch and data must be given')
}
