import { HoldfastError, offset, type LogRecord, type NewRecord } from '../../event/index.ts'
import { Fields } from '../lane/fields.ts'
import { countNames, replayModes, type JobCounts, type JobRecord, type Range } from './job-record.ts'

/** Of everything but a wish to reprocess, which who does not know it must not take for damage. */
const FIRST_VERSION = 1
const VERSION = 2
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A record of a job as JSON in the value: the ranges of a wide topic are too long for a header. */
export function encodeJob(record: JobRecord): NewRecord {
  const isNew = record.kind === 'asked' && record.mode !== 'fill'
  const version = isNew ? VERSION : FIRST_VERSION
  const json = JSON.stringify({ version, ...record }, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  return { value: encoder.encode(json), headers: {}, partition: 0 }
}

/**
 * Rejects what it does not know for certain, since a record that is left out may be the one that cancelled a job:
 * `LOG_VERSION` for one that a newer Holdfast wrote, `LOG_CORRUPT` for anything else.
 */
export function decodeJob({ topic, offset: at, value }: LogRecord): JobRecord {
  const where = `${topic} offset ${at}`
  const fields = Fields.parse(value === null ? undefined : decoder.decode(value), where)
  const version = fields.count('version')
  if (version > VERSION) {
    throw new HoldfastError('LOG_VERSION', {
      detail: `${where} has format ${version}, known up to ${VERSION}`,
    })
  }
  const kind = fields.oneOf('kind', ['asked', 'cancel', 'progress'])
  switch (kind) {
    case 'asked':
      return {
        kind,
        ...wish(fields),
        group: fields.text('group'),
        mode: fields.oneOf('mode', replayModes),
        ratePerSecond: fields.maybe('ratePerSecond')?.amount('ratePerSecond'),
        ranges: fields.list('ranges').map(range),
      }
    case 'cancel':
      return { kind, ...wish(fields) }
    case 'progress':
      return {
        kind,
        job: fields.text('job'),
        topic: fields.text('topic'),
        partition: fields.count('partition'),
        tenure: fields.text('tenure'),
        at: fields.count('at'),
        position: offset(fields.digits('position')),
        state: fields.oneOf('state', ['running', 'waits', 'done', 'cancelled']),
        reason: fields.maybe('reason')?.text('reason'),
        counts: counts(fields.object('counts')),
      }
  }
}

function wish(fields: Fields): { job: string; at: number; by: string; reason: string } {
  return {
    job: fields.text('job'),
    at: fields.count('at'),
    by: fields.text('by'),
    reason: fields.text('reason'),
  }
}

function range(fields: Fields): Range {
  return {
    topic: fields.text('topic'),
    partition: fields.count('partition'),
    from: offset(fields.digits('from')),
    to: offset(fields.digits('to')),
  }
}

function counts(fields: Fields): JobCounts {
  return Object.fromEntries(countNames.map(name => [name, fields.count(name)])) as unknown as JobCounts
}
