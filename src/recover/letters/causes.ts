import type { LetterStatus } from '../letter-state.ts'
import { causeOf } from './cause.ts'
import type { GroupLetters } from './group-letters.ts'
import { isOpen, type BookedLetter } from './letter-book.ts'
import { decodeLetter } from './letter-record.ts'

/** Letters that died of the same thing. */
export interface CauseReport {
  /** The fingerprint: what `cause` of a filter takes. */
  readonly id: string
  /** Why events were given up, with the code or class of the error. */
  readonly error: string
  /** The message without what differs from letter to letter. */
  readonly message: string
  /** Where it was thrown: the first line of the stack that is the app's own. */
  readonly place: string
  readonly letters: number
  /** Those that are dead or being replayed. */
  readonly open: number
  readonly byStatus: Readonly<Record<LetterStatus, number>>
  readonly types: readonly string[]
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** The letter that died of it last. */
  readonly sample: string
}

/** Causes that are told apart in one answer; more than these are no causes but noise in their messages. */
const MAX_CAUSES = 1_000

/** Most open letters first. Reads one letter of each cause, and the others from the book. */
export async function causesOf(
  letters: GroupLetters,
  chosen: readonly BookedLetter[],
  signal: AbortSignal,
): Promise<readonly CauseReport[]> {
  const groups = [...Map.groupBy(chosen, letter => letter.cause)]
  const counted = groups.map(([id, of]) => ({ id, of, open: of.filter(one => isOpen(one.state)).length }))
  const first = counted.toSorted((a, b) => b.open - a.open || b.of.length - a.of.length).slice(0, MAX_CAUSES)
  const reports: CauseReport[] = []
  for (const { id, of, open } of first) {
    const last = of.reduce((latest, one) => (one.diedAt > latest.diedAt ? one : latest))
    const letter = decodeLetter(await letters.record(last, last.death, signal))
    const { error, message, place } = causeOf(last.reason, letter?.last ?? nameless)
    reports.push({
      id,
      error,
      message,
      place,
      letters: of.length,
      open,
      byStatus: countsOf(of),
      types: [...new Set(of.flatMap(one => one.eventType ?? []))].slice(0, 20),
      firstSeen: of.reduce((least, one) => Math.min(least, one.firstDiedAt), Infinity),
      lastSeen: last.diedAt,
      sample: last.id,
    })
  }
  return reports
}

const nameless = { name: 'Error', code: undefined, message: '', stack: undefined, at: 0 }

export function countsOf(letters: readonly BookedLetter[]): Record<LetterStatus, number> {
  const counts = { died: 0, replaying: 0, resolved: 0, discarded: 0, superseded: 0 }
  for (const { state } of letters) counts[state.status] += 1
  return counts
}
