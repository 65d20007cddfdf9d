import { acceptedAgain, HoldfastError, sha256, type Clock } from '../../event/index.ts'
import type { AppendRecord, LogSystem } from '../../log/index.ts'
import { selected, selectionFields, type LetterSelection } from './dlq-letters.ts'
import { lettersMeant, type LetterWithEvent } from './letters-meant.ts'
import type { Operation } from './operation.ts'
import { wrongInput } from './problem.ts'
import { number, object, text } from './shape.ts'
import { isOwnTopic } from './topic-list.ts'

export interface DlqCopyInput extends LetterSelection {
  readonly to: string
}

export interface DlqCopy {
  readonly group: string
  readonly to: string
  readonly letters: number
  readonly copied: number
  readonly known: number
}

/** Appended together: a long selection becomes durable in parts, and what broke off can be said again. */
const BATCH = 100

/**
 * The letter stays as it is, with a note of where the copy stands: whether it is dealt with is for somebody to decide.
 * A copy keeps the id of its event, so that the groups of the other topic recognise one that they were given before.
 */
export const dlqCopy: Operation<DlqCopyInput, DlqCopy> = {
  name: 'dlq.copy',
  summary:
    'publish the events of dead letters to another topic, for all its groups; the letters stay, with a note',
  role: 'operator',
  effect: 'decision',
  input: object<DlqCopyInput>({
    ...selectionFields,
    to: text('the topic; it must be there, and be another one than theirs', { max: 200 }),
  }),
  output: object<DlqCopy>({
    group: text('of which group'),
    to: text('the topic'),
    letters: number('that are meant'),
    copied: number('that stand there now'),
    known: number('that stood there already, by a call of the last minutes'),
  }),
  async run(context, { to, limit, ...input }) {
    const { system, clock, execute, actor, reason = '', signal } = context
    const { dead, group, filter } = await selected(context, input)
    const letters = await lettersMeant(dead, filter, limit)
    await refuseTarget(system, to, letters)
    let [copied, known] = [0, 0]
    for (let at = 0; execute && at < letters.length; at += BATCH) {
      signal.throwIfAborted()
      const batch = letters.slice(at, at + BATCH)
      const outcomes = await system.log.append(
        to,
        batch.map(one => copyOf(one, to, { system, clock })),
      )
      for (const [i, { kind, position }] of outcomes.entries()) {
        if (kind !== 'appended') known += 1
        const { letter } = batch[i] ?? {}
        if (kind !== 'appended' || !letter) continue
        const place = `${position.topic}/${position.partition}@${position.offset}`
        await dead.note(letter.id, `copied to ${place}: ${reason}`, { by: actor.name })
        copied += 1
      }
    }
    return { group, to, letters: letters.length, copied, known }
  },
}

async function refuseTarget(
  { log }: LogSystem,
  to: string,
  letters: readonly LetterWithEvent[],
): Promise<void> {
  const own = letters.some(({ letter }) => letter.topic === to)
  const why = own
    ? 'is the topic of these events: a replay runs them again, for their group alone'
    : isOwnTopic(to)
      ? 'is written by Holdfast alone'
      : undefined
  if (why !== undefined) throw wrongInput('/to', why, `${to} ${why}`)
  if ((await log.topics.describe(to)) === undefined)
    throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: to })
}

/** Accepted now: the day on which it was accepted first may be gone from every inbox. */
function copyOf(
  { letter, event }: LetterWithEvent,
  to: string,
  { system, clock }: { readonly system: LogSystem; readonly clock: Clock },
): AppendRecord {
  const { headers } = acceptedAgain(event, clock.now())
  const { key, value } = event
  const copied = {
    ...headers,
    'hf-copied-from': `${event.topic}/${event.partition}@${event.offset}`,
    'hf-copied-letter': letter.id,
  }
  if (system.features.deduplicates !== true) return { key, value, headers: copied }
  const source = `/letters/${letter.group}/${to}`
  const dedup = { scope: '', source, id: `${letter.id}-${letter.edits}`, hash: sha256(value ?? '') }
  return { key, value, headers: copied, dedup }
}
