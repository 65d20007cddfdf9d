import type { SetAsideSelection } from '../../collect/index.ts'
import type { RefusedRow } from './dlq-decide.ts'
import { refusedShape } from './dlq-decide.ts'
import type { Operation } from './operation.ts'
import { wrongInput } from './problem.ts'
import { flag, nullable, number, object, optional, rows, text } from './shape.ts'
import { selectionFields, spoolOf, topicCounts, type TopicCount } from './spool-list.ts'

export interface SpoolReturned {
  readonly returned: number
  readonly refused: number
  readonly refusals: readonly RefusedRow[]
  /** Why it ended before all were tried. */
  readonly stopped: string | null
  /** That are set aside now. */
  readonly left: number
}

/** They were answered with 202, so nothing is decided by it: the collector does the same when it starts. */
export const spoolReturn: Operation<SetAsideSelection, SpoolReturned> = {
  name: 'spool.return',
  summary:
    'send what the spool has set aside to the log, the oldest first, behind newer events of its key; what is refused again stays',
  role: 'operator',
  effect: 'change',
  input: object<SetAsideSelection>(selectionFields),
  output: object<SpoolReturned>({
    returned: number('that the log has now'),
    refused: number('that it still finds too large'),
    refusals: rows(refusedShape),
    stopped: nullable(
      text('why it ended before all were tried: say it again when that is over', { max: 10_000 }),
    ),
    left: number('that are set aside now'),
  }),
  async run(context, selection) {
    const { setAside } = spoolOf(context)
    const { stopped = null, ...of } = await setAside.giveBack(selection, context.signal)
    return { ...of, stopped, left: setAside.status().events }
  },
}

/** For an act something must be named, or `all`: everything is never meant by nothing. */
export interface SpoolDiscardInput extends SetAsideSelection {
  readonly all?: boolean | undefined
}

export interface SpoolDiscarded {
  readonly events: number
  readonly byTopic: readonly TopicCount[]
}

export const spoolDiscard: Operation<SpoolDiscardInput, SpoolDiscarded> = {
  name: 'spool.discard',
  summary: 'delete events that the spool has set aside, for good; spool export reads them before',
  role: 'operator',
  effect: 'decision',
  input: object<SpoolDiscardInput>({ ...selectionFields, all: optional(flag('all that are set aside')) }),
  output: object<SpoolDiscarded>({
    events: number('that are, or were, meant'),
    byTopic: topicCounts,
  }),
  async run(context, { all = false, ...selection }) {
    const { setAside } = spoolOf(context)
    const given = Object.values(selection).some(value => value !== undefined)
    if (given === all) throw wrongInput('', 'name events by ids or topic, or say all, and not both')
    const byTopic = setAside.count(selection)
    const meant = byTopic.reduce((sum, { events }) => sum + events, 0)
    return { events: context.execute ? await setAside.discard(selection) : meant, byTopic }
  },
}
