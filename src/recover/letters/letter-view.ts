import { HoldfastError, type Headers, type LogRecord } from '../../event/index.ts'
import type { LetterChange, LetterStatus } from '../letter-state.ts'
import type { BookedLetter } from './letter-book.ts'
import type { LetterRecords } from './letter-records.ts'
import { decodeChange, decodeLetter, type DeadLetter } from './letter-record.ts'

/** A dead letter as it stands: its event as the next replay would run it, and what it died of last. */
export interface Letter extends DeadLetter {
  readonly status: LetterStatus
  /** Grows with every change. Whoever decides about a letter decides about one version. */
  readonly version: number
  /** How often it was replayed. */
  readonly round: number
  /** How often its payload was edited. */
  readonly edits: number
}

/** A letter with everything that was decided about it. */
export interface LetterDetail extends Letter {
  /** The event as it was when it died for the first time. Equal to the letter's own unless it was edited. */
  readonly original: { readonly headers: Headers; readonly value: Uint8Array | null }
  readonly history: readonly HistoryEntry[]
}

export interface HistoryEntry {
  readonly kind: LetterChange['kind']
  /** Milliseconds since 1970, by the log's clock. */
  readonly at: number
  readonly by: string | undefined
  /** Of a decision, an edit or a note; for a death its error. */
  readonly reason: string | undefined
}

export async function viewLetter(
  records: LetterRecords,
  booked: BookedLetter,
  signal: AbortSignal,
): Promise<Letter> {
  const death = decodeLetter(await records.at(booked, booked.death, signal))
  if (!death) throw new HoldfastError('INTERNAL', { detail: `the death of letter ${booked.id} is none` })
  const { status, version, round, edits } = booked.state
  const standing = { status, version, round, edits }
  if (booked.event === booked.death) return { ...death, ...standing }
  const { headers, value } = await records.event(booked, signal)
  return {
    ...death,
    ...standing,
    headers,
    value,
    eventId: headers['ce_id'],
    eventType: headers['ce_type'],
  }
}

export async function letterDetail(
  records: LetterRecords,
  booked: BookedLetter,
  signal: AbortSignal,
): Promise<LetterDetail> {
  const view = await viewLetter(records, booked, signal)
  const changes: LogRecord[] = []
  for (const at of booked.changes) changes.push(await records.at(booked, at, signal))
  const first = changes[0] && decodeLetter(changes[0])
  const { headers, value } = first ?? view
  return { ...view, original: { headers, value }, history: changes.map(historyEntry) }
}

function historyEntry(record: LogRecord): HistoryEntry {
  const { change, by, why } = decodeChange(record)
  return { kind: change.kind, at: record.timestamp, by, reason: why ?? decodeLetter(record)?.last.message }
}
