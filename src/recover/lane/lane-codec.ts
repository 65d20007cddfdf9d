import { HoldfastError, offset, type LogRecord, type NewRecord } from '../../event/index.ts'
import { keptFailure, type Failure } from '../failure.ts'
import { Fields } from './fields.ts'
import {
  endings,
  requestActions,
  type EntryState,
  type Identity,
  type LaneRecord,
  type ParkedEvent,
  type Written,
} from './lane-record.ts'

/**
 * A lane record as a record of the log: one header `hf-lane` holds what the lane needs, as JSON. A park keeps the
 * event's own key, headers and bytes beside it untouched, so that what runs again is what came in.
 */
const LANE_HEADER = 'hf-lane'
const FIRST_VERSION = 1
/** Of an entry that was superseded: who does not know that must not take it for open. */
const VERSION = 2

/** Group names hold no dot, so the parts of the name can be told apart from the right. */
export function laneTopicOf(topic: string, group: string): string {
  return `${topic}.${group}.retry`
}

/** The record to append. The partition is the origin's, named and never left to a hash: its owner reads only that one. */
export function encodeLaneRecord(record: LaneRecord, partition: number): NewRecord {
  if (record.kind !== 'park') {
    return { value: null, headers: { [LANE_HEADER]: json(record) }, partition }
  }
  const { event, ...rest } = record
  if (event.headers[LANE_HEADER] !== undefined) {
    throw new HoldfastError('INTERNAL', { detail: `the event ${record.origin} is a lane record itself` })
  }
  const headers = { ...event.headers, [LANE_HEADER]: json({ ...rest, time: event.time }) }
  return { key: event.key, value: event.value, headers, partition }
}

function json(record: object): string {
  const isNew = 'how' in record && record.how === 'superseded'
  return JSON.stringify({ version: isNew ? VERSION : FIRST_VERSION, ...record }, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

/**
 * Rejects what it does not know for certain, since a record that is left out may be the one that closed an entry:
 * `LOG_VERSION` for one that a newer Holdfast wrote, `LOG_CORRUPT` for anything else. The owner then stops here.
 */
export function decodeLaneRecord(record: LogRecord): LaneRecord {
  const { [LANE_HEADER]: text, ...headers } = record.headers
  const where = `retry lane ${record.topic}/${record.partition} offset ${record.offset}`
  const fields = Fields.parse(text, where)
  const version = fields.count('version')
  if (version > VERSION) {
    throw new HoldfastError('LOG_VERSION', {
      detail: `${where} has format ${version}, known up to ${VERSION}`,
    })
  }
  const kind = fields.text('kind')
  switch (kind) {
    case 'park': {
      const { key, value } = record
      const event: ParkedEvent = { key, headers, value, time: fields.count('time') }
      return { kind, ...written(fields), ...identity(fields), state: state(fields.object('state')), event }
    }
    case 'start':
      return { kind, ...written(fields), ...identity(fields) }
    case 'attempt':
      return {
        kind,
        ...written(fields),
        ...identity(fields),
        attempts: fields.count('attempts'),
        dueAt: fields.count('dueAt'),
        final: fields.maybe('final')?.text('final'),
        failure: failure(fields.maybe('failure')?.object('failure')),
      }
    case 'closed':
      return {
        kind,
        ...written(fields),
        ...identity(fields),
        how: fields.oneOf('how', endings),
      }
    case 'request':
      return {
        kind,
        id: fields.text('id'),
        action: fields.oneOf('action', requestActions),
        generation: fields.count('generation'),
        origin: offset(fields.digits('origin')),
        letterVersion: fields.count('letterVersion'),
        by: fields.text('by'),
        reason: fields.text('reason'),
      }
    case 'answer':
      return {
        kind,
        ...written(fields),
        id: fields.text('id'),
        refused: fields.maybe('refused')?.text('refused'),
      }
    case 'fence':
      return { kind, ...written(fields), topic: fields.text('topic'), group: fields.text('group') }
    default:
      throw fields.wrong('kind', 'a kind of lane record')
  }
}

function written(fields: Fields): Written {
  return { tenure: fields.text('tenure'), seq: fields.count('seq') }
}

function identity(fields: Fields): Identity {
  return {
    generation: fields.count('generation'),
    origin: offset(fields.digits('origin')),
    round: fields.count('round'),
  }
}

function state(fields: Fields): EntryState {
  const first = failure(fields.maybe('first')?.object('first'))
  const last = failure(fields.maybe('last')?.object('last'))
  return {
    attempts: fields.count('attempts'),
    dueAt: fields.count('dueAt'),
    deaths: fields.count('deaths'),
    final: fields.maybe('final')?.text('final'),
    first,
    last: first && last && isSame(first, last) ? first : last, // most have failed once
  }
}

function isSame(a: Failure, b: Failure): boolean {
  return (
    a.at === b.at && a.name === b.name && a.code === b.code && a.message === b.message && a.stack === b.stack
  )
}

function failure(fields: Fields | undefined): Failure | undefined {
  return (
    fields &&
    keptFailure({
      name: fields.text('name'),
      code: fields.maybe('code')?.text('code'),
      message: fields.text('message'),
      stack: fields.maybe('stack')?.text('stack'),
      at: fields.count('at'),
    })
  )
}
