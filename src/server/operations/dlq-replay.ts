import type { Rate } from '../../event/index.ts'
import { ANSWER_WITHIN, decidedFields, decidedOf, type DlqDecided } from './dlq-decide.ts'
import { selected, selectionFields, type LetterSelection } from './dlq-letters.ts'
import type { Operation } from './operation.ts'
import { number, object, optional, rows, text, whole } from './shape.ts'

export interface DlqReplayInput extends LetterSelection {
  readonly rate?: string | undefined
  readonly first?: number | undefined
  readonly diedBefore?: number | undefined
}

export interface DlqReplay extends DlqDecided {
  readonly resolved: number
  readonly diedAgain: readonly string[]
  readonly running: number
  readonly began: number
}

/**
 * How long one call goes on asking. What is left is in `notAsked`, and the next call goes on with it: an answer that took
 * hours would be lost with its connection.
 */
const ASK_FOR_MS = 10_000
/** How long to look at what was accepted before the answer. An event that fails again goes through its retries first. */
const END_WITHIN = '5s'

export const dlqReplay: Operation<DlqReplayInput, DlqReplay> = {
  name: 'dlq.replay',
  summary: 'let the group try dead letters again, oldest first; no other group sees anything of it',
  role: 'operator',
  effect: 'decision',
  input: object<DlqReplayInput>({
    ...selectionFields,
    rate: optional(text('at most so fast, such as 50/s', { pattern: /^\d+(\.\d+)?\/[sm]$/ })),
    first: optional(whole('try so many first, and see', { min: 1, max: 1_000_000 })),
    diedBefore: optional(
      whole('only what died before, milliseconds since 1970', { min: 0, max: Number.MAX_SAFE_INTEGER }),
    ),
  }),
  output: object<DlqReplay>({
    ...decidedFields,
    resolved: number('that were applied by now'),
    diedAgain: rows(text('that are dead again')),
    running: number('that are under way, or wait for a retry'),
    began: number('when it began: given as diedBefore, it goes on with those that were not asked for'),
  }),
  async run(context, { rate, first, diedBefore, ...input }) {
    const { execute, actor, reason, clock, signal } = context
    const { dead, group, filter } = await selected(context, input)
    const began = diedBefore ?? clock.now() + 1
    const late = new AbortController()
    const stopAsking = clock.after(ASK_FOR_MS, () => late.abort())
    const replay = dead.replay(
      { ...filter, diedBefore: began },
      {
        rate: rate as Rate | undefined,
        first,
        limit: input.limit,
        reason,
        by: actor.name,
        dryRun: !execute,
        answerWithin: ANSWER_WITHIN,
        endWithin: END_WITHIN,
        signal: AbortSignal.any([signal, late.signal]),
      },
    )
    const report = await replay.finally(stopAsking)
    const { resolved, diedAgain, running } = report
    return { ...decidedOf(group, report), resolved, diedAgain, running, began }
  },
}
