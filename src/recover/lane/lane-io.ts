import type { Offset } from '../../event/index.ts'
import type { Failure } from '../failure.ts'
import type { LetterChange, LetterState } from '../letter-state.ts'
import type { Answer, Attempt, Closed, EntryState, Fence, LaneRecord, Park, Start } from './lane-record.ts'
import type { LaneNote } from './tenure.ts'

/** What happened, told to the machine one after another. */
export type Input =
  /** The lane was read from where the last input of this kind ended: these records, and where to read on. */
  | { readonly kind: 'read'; readonly records: readonly PlacedRecord[]; readonly next: Offset }
  /** An append became durable at this position. A failed one is tried again by the shell for as long as it takes. */
  | { readonly kind: 'appended'; readonly seq: number; readonly position: Offset }
  /** A letter became durable. */
  | { readonly kind: 'written'; readonly ref: number }
  /** The letter as it stands at the end of its topic; undefined when there is none. */
  | { readonly kind: 'looked-up'; readonly ref: number; readonly letter: FoundLetter | undefined }
  /** A record of the topic. Offsets only grow. */
  | {
      readonly kind: 'delivered'
      readonly offset: Offset
      readonly key: string | undefined
      readonly tenant: string | undefined
    }
  /** A run came to its end: one result for each event of it, in the same order. */
  | { readonly kind: 'ran'; readonly run: number; readonly results: readonly RunResult[] }
  /** Undefined: the database was away. */
  | { readonly kind: 'checked'; readonly ref: number; readonly applied: boolean | undefined }
  /** A good time to commit: the shell decides how often. */
  | { readonly kind: 'commit-due' }
  | { readonly kind: 'committed' }
  /** Another member owns the partition. */
  | { readonly kind: 'refused' }
  /** Time has passed. */
  | { readonly kind: 'tick' }
  /**
   * A place for one run of entries: everything that it may have to wait for (a dependency, the group's pause, its rate)
   * was waited for. Taken by the run whose `start`s come out of this input, or by none.
   */
  | { readonly kind: 'place' }
  /** Let go: nothing new begins; once nothing is under way, a last commit says so. */
  | { readonly kind: 'stop' }

export type PlacedRecord = LaneRecord & { readonly position: Offset }

export type RunResult =
  | { readonly kind: 'done' }
  /** The user's verdict: leave it out. */
  | { readonly kind: 'skip' }
  | { readonly kind: 'retry'; readonly dueAt: number; readonly failure: Failure }
  /** It must not run again: bad data, or its attempts are used up. `tried`: its handler was called. */
  | { readonly kind: 'dead'; readonly reason: string; readonly failure: Failure; readonly tried: boolean }
  /** Nothing is held against it: an outage, a neighbour in its batch, the drain. `alone`: not in a batch again. */
  | { readonly kind: 'again'; readonly alone: boolean }

export interface FoundLetter extends LetterState {
  readonly key: string | undefined
}

/**
 * What is to be done. Appends become durable in this order: one that fails is tried again before any later one is made,
 * or a successor could find that an event ended which came after one that did not.
 */
export type Effect =
  | { readonly kind: 'append'; readonly record: Appended; readonly body: Body | undefined }
  /** Run handlers. Several events only in a group that takes batches, and then in one transaction. */
  | { readonly kind: 'run'; readonly run: number; readonly events: readonly RunEvent[] }
  /**
   * Find out from the inbox, without its handler, whether an event was applied: it may have been, and only the mark that
   * says so was lost with its process. Where there is no inbox nobody knows, and the answer is no.
   */
  | { readonly kind: 'check'; readonly ref: number; readonly event: RunEvent }
  | { readonly kind: 'letter'; readonly ref: number; readonly letter: Letter }
  | { readonly kind: 'look-up'; readonly ref: number; readonly origin: Offset; readonly generation: number }
  /** Both in one commit, the note with the position. */
  | { readonly kind: 'commit'; readonly main: Offset; readonly note: LaneNote }

/** What the machine appends: its records without the bytes of an event, which it never holds. */
export type Appended = Omit<Park, 'event'> | Start | Attempt | Closed | Answer | Fence

/** Where the bytes of a park are found. */
export type Body =
  | { readonly from: 'topic'; readonly offset: Offset }
  | { readonly from: 'lane'; readonly position: Offset }
  | { readonly from: 'letter'; readonly origin: Offset }

export interface RunEvent {
  readonly origin: Offset
  /** 0 until its letter is replayed. */
  readonly round: number
  /** Failed attempts so far. */
  readonly attempts: number
  readonly last: Failure | undefined
  readonly body: Body
}

/** A change to be written on a letter. */
export interface Letter {
  readonly generation: number
  readonly origin: Offset
  readonly change: LetterChange
  /** Whose wish it was, where it was one. */
  readonly why?: { readonly by: string; readonly reason: string }
  /** What it died of: with a `died` only. */
  readonly death: { readonly state: EntryState; readonly body: Body } | undefined
}
