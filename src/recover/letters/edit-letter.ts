import {
  decodeEvent,
  encodeEvent,
  HoldfastError,
  type Clock,
  type Envelope,
  type LogRecord,
} from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { recordKey, type AnyTopic } from '../../schema/index.ts'
import { deadTopicOf } from './dead-topic.ts'
import { eventData, jsonText } from './event-data.ts'
import type { GroupLetters } from './group-letters.ts'
import { jsonDiff, type Difference } from './json-diff.ts'
import { editJson, mergePatch } from './json-edit.ts'
import type { BookedLetter } from './letter-book.ts'
import { encodeChange, type Wish } from './letter-record.ts'

/**
 * What becomes of the data of an event: a function of it (undefined where the bytes are no JSON), or a JSON merge patch
 * (RFC 7396: fields replace, null removes).
 */
export type Edit = ((data: unknown) => unknown) | { readonly patch: unknown }

/** An event with its payload edited, not stored yet. */
export interface EditedEvent {
  readonly record: LogRecord
  readonly differences: readonly Difference[]
}

/**
 * The event that the next replay runs in place of a letter's own. It is a new event, with a new id and a new accept
 * time, since nothing is known of it to any inbox: neither that it was applied, nor that its day was forgotten. The id
 * follows from the letter and its version, so one edit is one event however often it runs; `causationId` is the id of
 * the original. Everything else, and the key, stays.
 *
 * Throws `LETTER_NOT_EDITABLE`, `EVENT_SCHEMA` or `KEY_INVALID`.
 */
export function editedEvent(
  letter: Pick<BookedLetter, 'id' | 'state'>,
  event: LogRecord,
  edit: Edit,
  of: { readonly topic: AnyTopic; readonly now: number },
): EditedEvent {
  const envelope = readable(letter.id, event)
  const { topic } = of
  const type = topic.types.get(envelope.type)
  if (!type)
    throw notEditable(letter.id, `topic ${topic.name} declares no type ${JSON.stringify(envelope.type)}`)
  const before = eventData(event)
  const text = editJson(jsonText(event), data => changed(edit, data))
  const data: unknown = text === undefined ? undefined : JSON.parse(text)
  const checked = type.read(envelope.version, data)
  if (checked.kind === 'unknown-version')
    throw notEditable(
      letter.id,
      `${envelope.type} has version ${envelope.version}, known up to ${type.version}`,
    )
  if (checked.kind === 'invalid' || text === undefined) {
    const issues =
      checked.kind === 'invalid' ? checked.issues : [{ pointer: '', message: 'there is no data' }]
    throw new HoldfastError('EVENT_SCHEMA', {
      detail: `letter ${letter.id}, edited: ${issues.map(issue => `${issue.pointer || '/'} ${issue.message}`).join('; ')}`,
      facts: { issues },
    })
  }
  refuseOtherKey(letter.id, topic, event, { before, after: checked.data, tenant: envelope.tenant })
  const original = letter.state.edits > 0 ? envelope.causationId : envelope.id
  const edited: Envelope = {
    ...envelope,
    id: `${letter.id}-${letter.state.version}`,
    acceptedAt: of.now,
    causationId: original,
    correlationId: envelope.correlationId ?? original,
    data: new TextEncoder().encode(text),
  }
  const { headers, value } = encodeEvent(edited)
  const record = { ...event, headers: { ...event.headers, ...headers }, value }
  return { record, differences: jsonDiff(before, data) }
}

function changed(edit: Edit, data: unknown): unknown {
  return typeof edit === 'function' ? edit(data) : mergePatch(data, edit.patch)
}

function readable(id: string, event: LogRecord): Envelope {
  const contentType = event.headers['content-type']
  if (contentType !== undefined && !/[/+]json\b/i.test(contentType))
    throw notEditable(id, `its data is ${contentType}`)
  try {
    return decodeEvent(event)
  } catch (error) {
    throw notEditable(id, `its headers are not those of an event (${(error as Error).message})`)
  }
}

/** Another key may belong to another partition, and there its order is decided by others. */
function refuseOtherKey(
  id: string,
  topic: AnyTopic,
  event: LogRecord,
  of: { before: unknown; after: unknown; tenant: string | undefined },
): void {
  const key = recordKey(topic, of.after, of.tenant)
  if (key === event.key) return
  // Who wrote the event may have chosen its key by a rule of their own; then the edit must leave our rule's answer alone.
  const own = ((): string | undefined => {
    try {
      return recordKey(topic, of.before, of.tenant)
    } catch {
      return undefined // the original had none
    }
  })()
  if (own !== event.key && key === own) return
  throw notEditable(
    id,
    `the edit changes its key from ${JSON.stringify(event.key)} to ${JSON.stringify(key)}`,
  )
}

function notEditable(id: string, why: string): HoldfastError {
  return new HoldfastError('LETTER_NOT_EDITABLE', { detail: `${id}: ${why}` })
}

export interface EditOptions {
  readonly log: Log
  readonly letters: GroupLetters
  readonly topic: AnyTopic
  readonly clock: Clock
  readonly wish: Wish
  /** Tell what would come out, and store nothing. */
  readonly dryRun: boolean
  readonly signal: AbortSignal
}

/**
 * Edits one letter, as it stands now. Throws `LETTER_CHANGED` when it is not dead, or when another change came first:
 * two edits at once are one, and an edit never reaches an event that runs already.
 */
export async function editLetter(
  letter: BookedLetter,
  edit: Edit,
  options: EditOptions,
): Promise<EditedEvent> {
  const { log, letters, topic, clock, signal } = options
  const { id, origin, partition, state } = letter // as it is now; the letter itself goes on changing
  if (state.status !== 'died') throw changedMeanwhile(letter)
  const event = await letters.event(letter, signal)
  const edited = editedEvent({ id, state }, event, edit, { topic, now: clock.now() })
  if (options.dryRun) return edited
  const place = {
    origin: { topic: letter.topic, partition, offset: origin },
    group: letters.group,
    generation: letter.generation,
  }
  const change = { kind: 'edited', version: state.version } as const
  const record = encodeChange(place, change, options.wish, edited.record)
  const [outcome] = await log.append(deadTopicOf(letter.topic, letters.group), [record])
  await letters.readOn(signal)
  // Appended is not decided: the version may have been used up by somebody whose record stands before ours.
  const stored = outcome?.position.offset
  if (stored === undefined || !letter.changes.includes(stored)) throw changedMeanwhile(letter)
  return edited
}

function changedMeanwhile({ id, state }: BookedLetter): HoldfastError {
  return new HoldfastError('LETTER_CHANGED', {
    detail: `${id} is ${state.status} now, version ${state.version}`,
    facts: { id, status: state.status, version: state.version },
  })
}
