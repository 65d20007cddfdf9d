import { groupOf, selectionFields } from './dlq-letters.ts'
import { lettersOf } from './letters-of.ts'
import type { Operation } from './operation.ts'
import { object, text } from './shape.ts'

export interface DlqNoteInput {
  readonly id: string
  readonly group?: string | undefined
  readonly text: string
}

export const dlqNote: Operation<DlqNoteInput, { readonly id: string }> = {
  name: 'dlq.note',
  summary: 'add a remark to a dead letter',
  role: 'operator',
  effect: 'change',
  input: object<DlqNoteInput>({
    id: text('of the letter'),
    group: selectionFields.group,
    text: text('the remark'),
  }),
  output: object<{ readonly id: string }>({ id: text('of the letter') }),
  async run(context, { id, group, text: remark }) {
    const dead = lettersOf(context, group ?? (await groupOf(context, { ids: [id] })))
    await dead.note(id, remark, { by: context.actor.name })
    return { id }
  },
}
