import type { Duration, Rate } from '../../event/index.ts'
import type { CauseReport } from './causes.ts'
import type { LetterFilter, Selection } from './choose.ts'
import type { Edit } from './edit-letter.ts'
import type { Difference } from './json-diff.ts'
import type { Letter, LetterDetail } from './letter-view.ts'

/**
 * The dead letters of one group: to see them, to repair them, and to let the group try them again. It works wherever
 * the log is open, in the process of the group or in any other: what is decided is asked of the owner through the log.
 *
 * Nothing here can lose a letter. The original of an edit stays, a discard can be taken back, and each decision names
 * the version of the letter that it was made on, so two decisions at once are one and a double click is one replay.
 */
export interface DeadLetters {
  /** Newest first. `after`: go on behind this letter, for pages. */
  list(options?: LetterFilter & PageOptions): AsyncGenerator<Letter>
  /** What they died of, most open letters first. */
  causes(filter?: LetterFilter): Promise<readonly CauseReport[]>
  stats(): Promise<LetterStats>
  /** The letters that are dead or being replayed, by topic. */
  openByTopic(): Promise<ReadonlyMap<string, OpenLetters>>
  /** One letter with its history. Rejects with `LETTER_UNKNOWN`, as all that take an id. */
  show(id: string): Promise<LetterDetail>
  /** Where its data differs from the nearest earlier event of its type that is no letter. */
  diff(id: string): Promise<LetterDiff>
  /**
   * Gives letters another payload, checked by the schema of their type. The next replay runs it as a new event with an
   * id of its own; the original stays. Letters that cannot be edited are in `refused`.
   */
  edit(selection: Selection, edit: Edit, options: EditLettersOptions): Promise<EditReport>
  /**
   * Lets the group try letters again, oldest first. Only this group: no other sees anything. Those that die again are
   * the same letters as before.
   */
  replay(selection: Selection, options?: ReplayOptions): Promise<ReplayReport>
  /** Never to be tried; frees a held key. */
  discard(selection: Selection, options: ActOptions & { readonly reason: string }): Promise<ActReport>
  /** Takes discards back. */
  restore(selection: Selection, options?: ActOptions): Promise<ActReport>
  /** Lets the later events of a held key go on; the letter stays. */
  release(selection: Selection, options?: ActOptions): Promise<ActReport>
  /**
   * The events of letters, one line of JSON each, newest letter first: what `holdfast topic produce --input jsonl` reads.
   * The member `letter` is the id of the letter.
   */
  export(selection?: Selection): AsyncGenerator<string>
  /** Adds a remark for people. */
  note(id: string, text: string, options?: { readonly by?: string | undefined }): Promise<void>
}

export interface PageOptions {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

export interface ActOptions {
  /** Kept with the letter. Defaults to none. */
  readonly reason?: string | undefined
  /** Who decides, for the history. Defaults to the name of the app. */
  readonly by?: string | undefined
  /** Say what would be done, and do nothing. Defaults to false. */
  readonly dryRun?: boolean | undefined
  /** At most so many letters, the oldest first. Defaults to all. */
  readonly limit?: number | undefined
  /** How long the owner of a partition may take to answer. Defaults to `'30s'`. */
  readonly answerWithin?: Duration | undefined
  /** Stops asking. What was asked is done, and waited for. */
  readonly signal?: AbortSignal | undefined
  /** Told after each answer. */
  readonly progress?: ((of: { readonly answered: number; readonly letters: number }) => void) | undefined
}

export interface ReplayOptions extends ActOptions {
  /** At most so fast, such as `'50/s'`. Defaults to as fast as the group answers. */
  readonly rate?: Rate | undefined
  /** Try so many first, and see. The same as a smaller `limit`. */
  readonly first?: number | undefined
  /** How long to wait for how they end, after the last was accepted. Defaults to `'30s'`. */
  readonly endWithin?: Duration | undefined
}

export type EditLettersOptions = Pick<ActOptions, 'by' | 'dryRun' | 'limit' | 'signal'> & {
  readonly reason: string
}

/** What a selection is, before anything is done. */
export interface SelectionReport {
  readonly letters: number
  /** By fingerprint, by type of event and by partition, most first. */
  readonly byCause: readonly Count[]
  readonly byType: readonly Count[]
  readonly byPartition: readonly Count[]
  /** Letters of the selection that are in no state for it: resolved, being replayed, discarded. */
  readonly leftOut: number
}

export interface Count {
  readonly of: string
  readonly letters: number
}

export interface ActReport extends SelectionReport {
  /** False for a dry run. */
  readonly executed: boolean
  readonly accepted: number
  /** By the owner, with its reason: most often somebody else was first. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
  /** Asked, and nobody runs the group now. They are done as soon as somebody does. */
  readonly unanswered: number
  /** Not asked: it was stopped before, or the group did not answer. They stay as they are. */
  readonly notAsked: number
}

export interface ReplayReport extends ActReport {
  readonly resolved: number
  /** Tried, and dead again. */
  readonly diedAgain: readonly string[]
  /** Accepted, and not at an end within `endWithin`. */
  readonly running: number
}

export interface EditReport extends SelectionReport {
  readonly executed: boolean
  readonly edited: number
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
  /** What the edit does to the first letters. */
  readonly examples: readonly { readonly id: string; readonly differences: readonly Difference[] }[]
}

export interface LetterStats {
  readonly group: string
  /** Dead, or being replayed. */
  readonly open: number
  readonly byStatus: Readonly<Record<Letter['status'], number>>
  readonly byTopic: readonly Count[]
  /** When the oldest open letter died, milliseconds since 1970. */
  readonly oldestOpen: number | undefined
  readonly newest: number | undefined
  /** Older letters than are kept in mind; they are in the log. */
  readonly forgotten: number
}

export interface OpenLetters {
  readonly letters: number
  /** When the oldest of them died first, milliseconds since 1970. Undefined when there is none. */
  readonly oldestAt: number | undefined
}

export interface LetterDiff {
  readonly id: string
  /** The event that it is compared with; undefined when none was found. */
  readonly good:
    { readonly id: string | undefined; readonly offset: string; readonly time: number } | undefined
  /** What was looked at. */
  readonly searched: string
  readonly differences: readonly Difference[]
}
