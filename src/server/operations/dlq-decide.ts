import type { ActReport, DeadLetters, LetterFilter, SelectionReport } from '../../recover/index.ts'
import { countShape, selected, selectionFields, type CountRow, type LetterSelection } from './dlq-letters.ts'
import type { Operation, OperationContext } from './operation.ts'
import { number, object, rows, text, type Fields } from './shape.ts'

/** Which letters are meant, and what would be or was done. */
export interface DlqSelected {
  readonly group: string
  readonly letters: number
  /** Of the selection, and in no state for it. */
  readonly leftOut: number
  readonly byCause: readonly CountRow[]
  readonly byType: readonly CountRow[]
  readonly byPartition: readonly CountRow[]
}

export interface DlqDecided extends DlqSelected {
  readonly accepted: number
  readonly refused: readonly RefusedRow[]
  readonly unanswered: number
  readonly notAsked: number
}

export interface RefusedRow {
  readonly id: string
  readonly reason: string
}

export const refusedShape = object<RefusedRow>({
  id: text('of the letter'),
  reason: text('why', { max: 10_000 }),
})

export const selectedFields: Fields<DlqSelected> = {
  group: text('of which group'),
  letters: number('that are meant'),
  leftOut: number('that are meant and in no state for it: resolved, discarded, being replayed'),
  byCause: rows(countShape),
  byType: rows(countShape),
  byPartition: rows(countShape),
}

export const decidedFields: Fields<DlqDecided> = {
  ...selectedFields,
  accepted: number('that the group took on'),
  refused: rows(refusedShape),
  unanswered: number('that were asked for while nobody runs the group: done as soon as somebody does'),
  notAsked: number('that stay as they are'),
}

export function selectedOf(
  group: string,
  { letters, leftOut, byCause, byType, byPartition }: SelectionReport,
): DlqSelected {
  return { group, letters, leftOut, byCause, byType, byPartition }
}

export function decidedOf(group: string, report: ActReport): DlqDecided {
  const { accepted, refused, unanswered, notAsked } = report
  return { ...selectedOf(group, report), accepted, refused, unanswered, notAsked }
}

/** How long owners may take to answer. Less than the commands' own time-out, or it would cut off what is said of it. */
export const ANSWER_WITHIN = '10s'

export const dlqDiscard: Operation<LetterSelection, DlqDecided> = {
  name: 'dlq.discard',
  summary: 'never try dead letters again; they are kept, and can be restored',
  role: 'operator',
  effect: 'decision',
  input: object<LetterSelection>(selectionFields),
  output: object<DlqDecided>(decidedFields),
  run: (context, input) =>
    decided(context, input, (dead, filter, options) =>
      dead.discard(filter, { ...options, reason: options.reason || 'a preview' }),
    ),
}

export const dlqRestore: Operation<LetterSelection, DlqDecided> = {
  name: 'dlq.restore',
  summary: 'take back that letters were discarded',
  role: 'operator',
  effect: 'decision',
  input: object<LetterSelection>(selectionFields),
  output: object<DlqDecided>(decidedFields),
  run: (context, input) => decided(context, input, (dead, filter, options) => dead.restore(filter, options)),
}

export const dlqRelease: Operation<LetterSelection, DlqDecided> = {
  name: 'dlq.release',
  summary: 'let the later events of held keys go on; the letters stay (for groups with whenDead: hold)',
  role: 'operator',
  effect: 'decision',
  input: object<LetterSelection>(selectionFields),
  output: object<DlqDecided>(decidedFields),
  run: (context, input) => decided(context, input, (dead, filter, options) => dead.release(filter, options)),
}

interface DecideOptions {
  readonly reason: string
  readonly by: string
  readonly dryRun: boolean
  readonly limit: number | undefined
  readonly answerWithin: typeof ANSWER_WITHIN
  readonly signal: AbortSignal
}

async function decided(
  context: OperationContext,
  input: LetterSelection,
  act: (dead: DeadLetters, filter: LetterFilter, options: DecideOptions) => Promise<ActReport>,
): Promise<DlqDecided> {
  const { execute, actor, reason = '', signal } = context
  const { dead, group, filter } = await selected(context, input)
  const report = await act(dead, filter, {
    reason,
    by: actor.name,
    dryRun: !execute,
    limit: input.limit,
    answerWithin: ANSWER_WITHIN,
    signal,
  })
  return decidedOf(group, report)
}
