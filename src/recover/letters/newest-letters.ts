import { partitionId } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { chooseLetters, type LetterFilter } from './choose.ts'
import { GroupLetters } from './group-letters.ts'
import type { BookedLetter } from './letter-book.ts'

/** The newest letters of a group that pass a filter, with the letters that they were found among. */
export interface NewestLetters {
  readonly among: GroupLetters
  readonly letters: readonly BookedLetter[]
}

/** Records beside those of the letters themselves: what was decided about them. */
const FIRST_LOOK = 100
const FURTHER = 4

/**
 * The first page of a list, for who has not read the letters yet: it reads the ends of the partitions, further back until
 * each has enough, so its cost does not grow with how many there are. Letters of one partition are in the order of their
 * deaths, so a partition from which a whole page was found holds no newer one further back.
 */
export async function newestLetters(
  log: Log,
  group: string,
  filter: LetterFilter,
  limit: number,
  signal: AbortSignal,
): Promise<NewestLetters> {
  for (let records = limit + FIRST_LOOK; ; records *= FURTHER) {
    const among = new GroupLetters(log, group, records)
    await among.readOn(signal)
    const letters = await chooseLetters(among, filter, signal)
    const found = Map.groupBy(letters, partitionId)
    if (among.cutPlaces.every(place => (found.get(place)?.length ?? 0) >= limit))
      return { among, letters: letters.slice(0, limit) }
  }
}
