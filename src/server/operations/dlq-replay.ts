import type { Rate } from '../../event/index.ts'
import { ANSWER_WITHIN, decidedFields, decidedOf, type DlqDecided } from './dlq-decide.ts'
import { selected, selectionFields, type LetterSelection } from './dlq-letters.ts'
import type { Operation } from './operation.ts'
import { number, object, optional, rows, text, whole } from './shape.ts'

export interface DlqReplayInput extends LetterSelection {
  readonly rate?: string | undefined
  readonly first?: number | undefined
}

export interface DlqReplay extends DlqDecided {
  readonly resolved: number
  readonly diedAgain: readonly string[]
  readonly running: number
}

/** How long to look at what was accepted before the answer. An event that fails again goes through its retries first. */
const END_WITHIN = '10s'

export const dlqReplay: Operation<DlqReplayInput, DlqReplay> = {
  name: 'dlq.replay',
  summary: 'let the group try dead letters again, oldest first; no other group sees anything of it',
  role: 'operator',
  effect: 'decision',
  input: object<DlqReplayInput>({
    ...selectionFields,
    rate: optional(text('at most so fast, such as 50/s', { pattern: /^\d+(\.\d+)?\/[sm]$/ })),
    first: optional(whole('try so many first, and see', { min: 1, max: 1_000_000 })),
  }),
  output: object<DlqReplay>({
    ...decidedFields,
    resolved: number('that were applied by now'),
    diedAgain: rows(text('that are dead again')),
    running: number('that are under way, or wait for a retry'),
  }),
  async run(context, { rate, first, ...input }) {
    const { execute, actor, reason, signal } = context
    const { dead, group, filter } = await selected(context, input)
    const report = await dead.replay(filter, {
      rate: rate as Rate | undefined,
      first,
      limit: input.limit,
      reason,
      by: actor.name,
      dryRun: !execute,
      answerWithin: ANSWER_WITHIN,
      endWithin: END_WITHIN,
      signal,
    })
    const { resolved, diedAgain, running } = report
    return { ...decidedOf(group, report), resolved, diedAgain, running }
  },
}
