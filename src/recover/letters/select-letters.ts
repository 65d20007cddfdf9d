import type { LetterStatus } from '../letter-state.ts'
import type { SeenLetter } from './ask-owners.ts'
import { chooseLetters, filterOf, type LetterFilter, type Selection } from './choose.ts'
import type { GroupLetters } from './group-letters.ts'
import type { BookedLetter } from './letter-book.ts'
import type { Count, SelectionReport } from './letters-api.ts'

/**
 * The letters that an act is about, oldest first, so that the events of a key are tried in their order; with what a
 * preview tells of them. `statuses`: only to those can it be done.
 */
export async function selectLetters(
  all: GroupLetters,
  selection: Selection,
  { statuses, limit = Infinity }: { statuses: readonly LetterStatus[]; limit?: number | undefined },
): Promise<{ readonly letters: readonly SeenLetter[]; readonly report: SelectionReport }> {
  const filter = actable(filterOf(selection), statuses)
  const chosen = await chooseLetters(all, filter, AbortSignal.any([]))
  const fit = chosen.filter(letter => statuses.includes(letter.state.status))
  const letters = fit.toSorted(olderFirst).slice(0, limit)
  return {
    letters: letters.map(letter => ({ letter, state: letter.state })),
    report: {
      letters: letters.length,
      byCause: countBy(letters, letter => letter.cause),
      byType: countBy(letters, letter => letter.eventType ?? '(none)'),
      byPartition: countBy(letters, letter => `${letter.topic}/${letter.partition}`),
      leftOut: chosen.length - fit.length,
    },
  }
}

/** A filter without ids means the letters to which it can be done. */
function actable(filter: LetterFilter, [status]: readonly LetterStatus[]): LetterFilter {
  return filter.ids || filter.status || !status ? filter : { ...filter, status }
}

/** By topic, partition and place there. */
function olderFirst(a: BookedLetter, b: BookedLetter): number {
  return a.topic.localeCompare(b.topic) || a.partition - b.partition || (a.origin < b.origin ? -1 : 1)
}

/** Most first. */
export function countBy(
  letters: readonly BookedLetter[],
  of: (letter: BookedLetter) => string,
): readonly Count[] {
  const groups = [...Map.groupBy(letters, of)].map(([name, some]) => ({ of: name, letters: some.length }))
  return groups.toSorted((a, b) => b.letters - a.letters)
}
