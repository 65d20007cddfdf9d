import { partitionId, type Envelope, type LogRecord, type Offset, type Position } from '../event/index.ts'
import type { Committed, GroupDescription, LogSystem } from '../log/index.ts'
import { failureText } from '../recover/index.ts'
import type { Sink } from '../sink/index.ts'
import type { Copy, EffectNote, GroupProgress, LetterNote, ProgressState } from './explanation.ts'
import { laneHistory, type LaneHistory } from './lane-history.ts'
import { letterOf } from './letter-note.ts'

/** A group as an app declares it. */
export interface KnownGroup {
  readonly group: string
  readonly topics: readonly string[]
  /** Whether an event of this type has a handler. */
  handles(type: string): boolean
  /** Whether that handler writes through the database, and a row of the inbox proves it. */
  hasInbox(type: string): boolean
  /** Whether it is in work, in the process that is asked. Undefined where nothing runs. */
  works?(at: Position): boolean
}

/** One event, and what the search for its id has found beside it. */
export interface Subject {
  readonly record: LogRecord
  readonly event: Envelope
  readonly copies: readonly Copy[]
  /** The search left nothing out: a group whose lane and letters were not among the finds has none of it. */
  readonly complete: boolean
}

interface Parts {
  readonly system: LogSystem
  readonly sink: Sink | undefined
  readonly declared: readonly KnownGroup[]
}

/** How far each group is that reads the topic: those that the log knows, and those that the app declares. */
export async function groupProgress(
  parts: Parts,
  subject: Subject,
  signal: AbortSignal,
): Promise<readonly GroupProgress[]> {
  const { system, declared } = parts
  const { topic } = subject.record
  const ours = declared.filter(({ topics }) => topics.includes(topic)).map(({ group }) => group)
  const progress: GroupProgress[] = []
  for (const group of [...new Set([...(await system.groups.list()), ...ours])].toSorted()) {
    const described = await system.groups.describe(group)
    if (!ours.includes(group) && !described.partitions.some(one => one.topic === topic)) continue
    progress.push(await progressOf(parts, subject, described, signal))
  }
  return progress
}

async function progressOf(
  { system, sink, declared }: Parts,
  subject: Subject,
  described: GroupDescription,
  signal: AbortSignal,
): Promise<GroupProgress> {
  const { record, event, copies, complete } = subject
  const { log, groups } = system
  const { group, partitions } = described
  const known = declared.find(one => one.group === group)
  const committed = (await groups.committed(group)).find(at => partitionId(at) === partitionId(record))
  const parked = !complete || copies.some(copy => copy.group === group && copy.of === 'retry lane')
  const died = !complete || copies.some(copy => copy.group === group && copy.of === 'dead letter')
  const lane = committed && parked ? await laneHistory(log, { record, group, committed }, signal) : undefined
  const letter = died ? await letterOf(log, record, group, signal) : undefined
  const effect = await effectOf(sink, known, group, subject, signal)
  const owner = partitions.find(at => partitionId(at) === partitionId(record))?.owner
  const { start, end } = await log.bounds(record)
  const skips = known !== undefined && !known.handles(event.type)
  const works = known?.works?.(record) ?? false
  const { offset } = record
  const state = stateOf({ offset, committed, start, end, owner, works, lane, letter, effect, skips })
  const { attempts = [] } = lane ?? {}
  return { group, state, position: committed?.offset, attempts, letter, effect }
}

/** Everything that is known of one event in one group. */
export interface Facts {
  readonly offset: Offset
  readonly committed: Pick<Committed, 'offset'> | undefined
  readonly start: Offset
  readonly end: Offset
  readonly owner: string | undefined
  /** The process that is asked has it in work. */
  readonly works: boolean
  readonly lane: LaneHistory | undefined
  readonly letter: LetterNote | undefined
  readonly effect: EffectNote | undefined
  /** It has no handler for the type. */
  readonly skips: boolean
}

/**
 * A record belongs to its topic until a commit above it was accepted, and to the lane afterwards: so an event that the
 * position is not past waits, whatever the lane already holds of it.
 */
export function stateOf(facts: Facts): ProgressState {
  const { offset, committed, start, end, owner, works, lane, letter, effect, skips } = facts
  const position = committed?.offset ?? start
  // An effect that has committed does not happen again, wherever the position stands.
  if (offset >= position && effect?.inbox === 'applied') return { kind: 'done', replayed: false }
  if (committed === undefined || offset >= position) {
    const wait = { ahead: offset - position, lag: end - position }
    return works ? { kind: 'working', ...wait } : { kind: 'waiting', ...wait, owner }
  }
  if (lane?.open) {
    const { state, behind, round } = lane.open
    if (state.final !== undefined) return { kind: 'held', reason: state.final }
    return { kind: 'retrying', attempts: state.attempts, dueAt: state.dueAt, behind, replay: round > 0 }
  }
  switch (letter?.status) {
    case 'died':
      return { kind: 'dead', reason: letter.reason }
    case 'discarded':
      return { kind: 'discarded' }
    case 'resolved':
      return { kind: 'done', replayed: true }
    case 'replaying':
      return { kind: 'unknown', reason: 'its letter is being replayed, and its lane does not hold it yet' }
    default:
  }
  if (lane?.closed?.how === 'resolved' || effect?.inbox === 'applied')
    return { kind: 'done', replayed: false }
  if (lane?.closed?.how === 'skipped')
    return { kind: 'skipped', reason: 'a verdict of the app, or of an operator' }
  if (skips) return { kind: 'skipped', reason: 'no handler for its type' }
  return lane?.unknown === undefined ? { kind: 'passed' } : { kind: 'unknown', reason: lane.unknown }
}

async function effectOf(
  sink: Sink | undefined,
  known: KnownGroup | undefined,
  group: string,
  { record, event }: Pick<Subject, 'record' | 'event'>,
  signal: AbortSignal,
): Promise<EffectNote | undefined> {
  const { source, id, acceptedAt, type } = event
  // Of a group that nobody declares here it is not known whether it writes to this database; a row proves that it does.
  if (sink === undefined || known?.hasInbox(type) === false) return undefined
  try {
    const { topic, partition, offset } = record
    const ranges = await sink.reprocessed({ group, topic, partition })
    const range = ranges.findLast(({ from, to }) => offset >= from && offset < to)
    const scope = { group, generation: range?.generation ?? 0 }
    const [inbox = 'unknown'] = await sink.lookUp(scope, [{ source, id, acceptedAt }], signal)
    return known === undefined && inbox !== 'applied'
      ? undefined
      : { inbox, database: sink.name, reason: undefined }
  } catch (error) {
    return { inbox: 'unanswered', database: sink.name, reason: failureText(error) }
  }
}
