import { readEvent, type GroupSettings } from '../../consume/index.ts'
import { HoldfastError } from '../../event/index.ts'
import { failureText } from '../../recover/index.ts'
import {
  rowFields,
  rowOf,
  selected,
  selectionFields,
  type LetterRow,
  type LetterSelection,
} from './dlq-letters.ts'
import { lettersMeant, type LetterWithEvent } from './letters-meant.ts'
import { declaredIn, type Operation, type OperationContext } from './operation.ts'
import { choice, number, object, rows, text } from './shape.ts'

/** What a replay would come to before the handler is called. `runs`: it would be called; what it does then, it decides. */
const verdicts = ['runs', 'dies', 'skipped', 'holds up'] as const
type LetterVerdict = (typeof verdicts)[number]

export interface CheckedLetter extends LetterRow {
  readonly verdict: LetterVerdict
  readonly why: string
}

export interface DlqCheck {
  readonly group: string
  readonly runs: number
  readonly letters: readonly CheckedLetter[]
}

export const dlqCheck: Operation<LetterSelection, DlqCheck> = {
  name: 'dlq.check',
  summary:
    'say what a replay would do with dead letters, without running a handler: read them, hold them against their schema, look for a handler',
  role: 'viewer',
  effect: 'none',
  input: object<LetterSelection>(selectionFields),
  output: object<DlqCheck>({
    group: text('of which group'),
    runs: number('whose handler would be called'),
    letters: rows(
      object<CheckedLetter>({
        ...rowFields,
        verdict: choice('runs: its handler is called; holds up: its partition would stand still', verdicts),
        why: text('in words', { max: 10_000 }),
      }),
    ),
  }),
  async run(context, { limit, ...input }) {
    const { dead, group, filter } = await selected(context, input)
    const settings = settingsOf(context, group)
    const letters = (await lettersMeant(dead, filter, limit)).map(one => ({
      ...rowOf(one.letter),
      ...verdictOn(one, settings),
    }))
    return { group, runs: letters.filter(({ verdict }) => verdict === 'runs').length, letters }
  },
}

function settingsOf(context: OperationContext, group: string): GroupSettings {
  const settings = declaredIn(context)?.groups.find(one => one.group === group)
  if (settings) return settings
  throw new HoldfastError('PROCESS_NEEDED', {
    detail: `the schemas and handlers of ${group} are known where it is declared`,
  })
}

/** As its owner would read it. */
function verdictOn(
  { letter, event }: LetterWithEvent,
  settings: GroupSettings,
): Pick<CheckedLetter, 'verdict' | 'why'> {
  const topic = settings.topics.find(({ name }) => name === letter.topic)
  if (!topic) return { verdict: 'holds up', why: `the group does not read ${letter.topic} any more` }
  const reading = readEvent(event, topic, settings)
  switch (reading.kind) {
    case 'handle':
      return { verdict: 'runs', why: `its handler for ${letter.eventType ?? 'it'} would be called` }
    case 'dead':
      return { verdict: 'dies', why: `${reading.reason}: ${failureText(reading.error)}` }
    case 'skip':
      return { verdict: 'skipped', why: `there is no handler for ${letter.eventType ?? 'it'}` }
    case 'pause':
      return { verdict: 'holds up', why: reading.reason }
  }
}
