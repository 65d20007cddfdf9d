import type { CauseRow, DlqCauses } from '../../server/operations/dlq-causes.ts'
import type { CheckedLetter, DlqCheck } from '../../server/operations/dlq-check.ts'
import type { DlqCopy } from '../../server/operations/dlq-copy.ts'
import type { DlqDecided, DlqSelected } from '../../server/operations/dlq-decide.ts'
import type { DlqEdit } from '../../server/operations/dlq-edit.ts'
import type { CountRow, DifferenceRow, LetterRow } from '../../server/operations/dlq-letters.ts'
import type { DlqList } from '../../server/operations/dlq-list.ts'
import type { DlqReplay } from '../../server/operations/dlq-replay.ts'
import type { DlqShow } from '../../server/operations/dlq-show.ts'
import type { DlqStats, GroupLetterStats } from '../../server/operations/dlq-stats.ts'
import type { Answer } from '../../server/operations/operation.ts'
import { exitCode, type ExitCode } from '../exit-code.ts'
import type { View } from '../show.ts'

/** How the answers about dead letters look to people. */

export const listView: View<DlqList> = {
  items: ({ letters }) => letters,
  columns: {
    id: (one: LetterRow) => one.id,
    died: (one: LetterRow, time) => time(one.died),
    group: (one: LetterRow) => one.group,
    event: (one: LetterRow) => `${one.topic}/${one.partition}/${one.offset}`,
    type: (one: LetterRow) => one.eventType,
    attempts: (one: LetterRow) => one.attempts,
    status: (one: LetterRow) => one.status,
    reason: (one: LetterRow) => one.reason,
    error: (one: LetterRow) => short(one.message, 100),
  },
  wide: {
    key: (one: LetterRow) => one.key,
    eventId: (one: LetterRow) => one.eventId,
    cause: (one: LetterRow) => one.cause,
    rounds: (one: LetterRow) => one.rounds,
    edits: (one: LetterRow) => one.edits,
  },
  empty: 'no dead letters',
  notes: ({ next }) => (next === null ? [] : [`the next page: --after ${next}`]),
}

export const causesView: View<DlqCauses> = {
  items: ({ causes }) => causes,
  columns: {
    cause: (one: CauseRow) => one.cause,
    group: (one: CauseRow) => one.group,
    open: (one: CauseRow) => one.open,
    letters: (one: CauseRow) => one.letters,
    error: (one: CauseRow) => one.error,
    message: (one: CauseRow) => short(one.message, 80),
    place: (one: CauseRow) => one.place,
    last: (one: CauseRow, time) => time(one.lastSeen),
  },
  wide: {
    first: (one: CauseRow, time) => time(one.firstSeen),
    types: (one: CauseRow) => one.types.join(' '),
    sample: (one: CauseRow) => one.sample,
  },
  empty: 'no dead letters',
}

export const statsView: View<DlqStats> = {
  items: ({ groups }) => groups,
  columns: {
    group: (one: GroupLetterStats) => one.group,
    open: (one: GroupLetterStats) => one.open,
    died: (one: GroupLetterStats) => one.died,
    replaying: (one: GroupLetterStats) => one.replaying,
    resolved: (one: GroupLetterStats) => one.resolved,
    discarded: (one: GroupLetterStats) => one.discarded,
    oldest: (one: GroupLetterStats, time) => time(one.oldestOpen),
    newest: (one: GroupLetterStats, time) => time(one.newest),
  },
  wide: {
    superseded: (one: GroupLetterStats) => one.superseded,
    topics: (one: GroupLetterStats) => counts(one.byTopic),
  },
  empty: 'no dead letters',
}

export const showView: View<DlqShow> = {
  items: ({ history }) => history,
  columns: {
    at: (one: DlqShow['history'][number], time) => time(one.at),
    what: (one: DlqShow['history'][number]) => one.kind,
    by: (one: DlqShow['history'][number]) => one.by,
    why: (one: DlqShow['history'][number]) => one.reason,
  },
  notes: letter => [
    `${letter.id} is ${letter.status}, version ${letter.version}, of ${letter.group}`,
    `event ${letter.eventId ?? '-'} (${letter.eventType ?? '-'}) at ${letter.topic}/${letter.partition}/${letter.offset}, key ${letter.key ?? '-'}`,
    `${letter.reason} after ${letter.attempts} attempts; cause ${letter.cause}`,
    letter.stack ?? `${letter.error}: ${letter.message}`,
    `data: ${payloadText(letter.event)}`,
    ...(letter.original ? [`original data: ${payloadText(letter.original)}`] : []),
    ...diffText(letter.diff),
  ],
}

export const noteView: View<{ readonly id: string }> = {
  items: answer => [answer],
  columns: { noted: (one: { readonly id: string }) => one.id },
}

/** Why letters that are meant are left out, by all verbs but one. */
const DECIDED = 'resolved, discarded or being replayed'

const exitOfDecided = ({ refused, unanswered }: DlqDecided): ExitCode | undefined =>
  refused.length > 0 ? exitCode.refused : unanswered > 0 ? exitCode.unreachable : undefined

export const decidedView: View<DlqDecided> = selectedView(exitOfDecided)
export const restoredView: View<DlqDecided> = selectedView(exitOfDecided, 'not discarded')

export const replayView: View<DlqReplay> = {
  ...selectedView<DlqReplay>(({ refused, unanswered, diedAgain }) => {
    if (refused.length > 0) return exitCode.refused
    if (unanswered > 0) return exitCode.unreachable
    return diedAgain.length > 0 ? exitCode.failed : undefined
  }),
  notes: answer => [
    ...decidedNotes(answer, DECIDED),
    ...(answer.accepted > 0
      ? [
          `${answer.resolved} applied, ${answer.diedAgain.length} dead again, ${answer.running} still under way`,
        ]
      : []),
    ...(answer.diedAgain.length > 0 ? [`why: holdfast dlq show ${answer.diedAgain[0]}`] : []),
  ],
}

export const checkView: View<DlqCheck> = {
  items: ({ letters }) => letters,
  columns: {
    id: (one: CheckedLetter) => one.id,
    type: (one: CheckedLetter) => one.eventType,
    event: (one: CheckedLetter) => `${one.topic}/${one.partition}/${one.offset}`,
    verdict: (one: CheckedLetter) => one.verdict,
    why: (one: CheckedLetter) => short(one.why, 100),
  },
  empty: 'no letters',
  notes: ({ group, runs, letters }) => [
    `the handlers of ${group} would be called for ${runs} of ${letters.length} letters; what they do then is not known`,
  ],
  exit: ({ runs, letters }) => (runs < letters.length ? exitCode.checkFailed : undefined),
}

export const copyView: View<Answer<DlqCopy>> = {
  items: answer => [answer],
  columns: {
    group: (one: DlqCopy) => one.group,
    to: (one: DlqCopy) => one.to,
    letters: (one: DlqCopy) => one.letters,
    copied: (one: DlqCopy) => one.copied,
  },
  notes: ({ known, executed }) => [
    ...(known > 0 ? [`${known} stood there already`] : []),
    ...(executed === true ? ['the letters stay: holdfast dlq discard, when they are dealt with'] : []),
  ],
}

export const editView: View<DlqEdit> = {
  items: ({ examples }) =>
    examples.flatMap(({ id, differences }) => differences.map(one => ({ id, ...one }))),
  columns: {
    letter: (one: DifferenceRow & { readonly id: string }) => one.id,
    path: (one: DifferenceRow) => one.path || '/',
    what: (one: DifferenceRow) => one.kind,
    was: (one: DifferenceRow) => jsonText(one.was),
    now: (one: DifferenceRow) => jsonText(one.now),
  },
  notes: ({ group, letters, edited, refused, leftOut }) => [
    `${edited} of ${lettersOf(letters, group)} have other data`,
    ...leftOutNote(leftOut, DECIDED),
    ...refusedNotes(refused),
  ],
  exit: ({ refused }) => (refused.length > 0 ? exitCode.refused : undefined),
}

function selectedView<Out extends DlqDecided>(
  exit: (answer: Out) => ExitCode | undefined,
  leftOut: string = DECIDED,
): View<Out> {
  return {
    items: ({ byCause, byType, byPartition }) => [
      ...byCause.map(one => ({ by: 'cause', ...one })),
      ...byType.map(one => ({ by: 'type', ...one })),
      ...byPartition.map(one => ({ by: 'partition', ...one })),
    ],
    columns: {
      by: (one: CountRow & { readonly by: string }) => one.by,
      of: (one: CountRow) => one.of,
      letters: (one: CountRow) => one.letters,
    },
    empty: 'no letters',
    notes: answer => decidedNotes(answer, leftOut),
    exit,
  }
}

function decidedNotes(answer: DlqDecided, why: string): readonly string[] {
  const { group, letters, leftOut, accepted, refused, unanswered, notAsked } = answer
  return [
    lettersOf(letters, group),
    ...leftOutNote(leftOut, why),
    ...(accepted + refused.length + unanswered > 0 ? [`${accepted} accepted`] : []),
    ...refusedNotes(refused),
    ...(unanswered > 0
      ? [`${unanswered} are asked for while nobody runs ${group}: done as soon as somebody does`]
      : []),
    ...(unanswered > 0 && notAsked > 0 ? [`${notAsked} were not asked for and stay as they are`] : []),
  ]
}

function lettersOf(letters: number, group: string): string {
  return `${letters} ${letters === 1 ? 'letter' : 'letters'} of ${group}`
}

function leftOutNote(leftOut: DlqSelected['leftOut'], why: string): readonly string[] {
  return leftOut > 0 ? [`${leftOut} left out: ${why}`] : []
}

function refusedNotes(refused: DlqDecided['refused']): readonly string[] {
  if (refused.length === 0) return []
  return [
    `${refused.length} refused:`,
    ...refused.slice(0, 10).map(({ id, reason }) => `  ${id}: ${reason}`),
    ...(refused.length > 10 ? ['  …'] : []),
  ]
}

function diffText(diff: DlqShow['diff']): readonly string[] {
  if (!diff) return []
  if (diff.good === null) return [`no good event of its type was found in ${diff.searched}`]
  return [
    `against the good event ${diff.good}, found in ${diff.searched}:`,
    ...diff.differences.map(({ kind, path, was, now }) => {
      const change =
        kind === 'added'
          ? jsonText(now)
          : kind === 'removed'
            ? jsonText(was)
            : `${jsonText(was)} → ${jsonText(now)}`
      return `  ${kind} ${path || '/'}  ${change}`
    }),
  ]
}

function payloadText({ json, base64 }: DlqShow['event']): string {
  return json ?? (base64 === null ? 'none' : `(base64) ${base64}`)
}

function counts(rows: readonly CountRow[]): string {
  return rows.map(({ of, letters }) => `${of} (${letters})`).join(' ')
}

function jsonText(value: unknown): string {
  return value === undefined ? '-' : short(JSON.stringify(value), 60)
}

function short(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max - 1)}…` : text
}
