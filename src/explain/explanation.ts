import type { Durability, Headers, Offset, Position } from '../event/index.ts'
import type { Unsearched } from '../log/index.ts'
import type { Failure } from '../recover/index.ts'
import type { LaneAttempt } from './lane-history.ts'

/** Where an event is and why: what the log, the database and the groups' own records say of one id. */
export interface Explanation {
  readonly id: string
  /** Events with this id: one, unless several sources have used it. None: see {@link Explanation.search}. */
  readonly events: readonly ExplainedEvent[]
  /** Retry lanes and dead letters that hold the event, also when its topic has it no longer. */
  readonly copies: readonly Copy[]
  readonly search: SearchReport
  /** The same as lines for people. */
  readonly story: string
}

export interface ExplainedEvent extends Position {
  readonly source: string
  readonly type: string
  readonly version: number
  readonly key: string | undefined
  readonly tenant: string | undefined
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
  /** When the door, the app or the outbox took it, and when the log had it. Milliseconds since 1970. */
  readonly acceptedAt: number
  readonly storedAt: number
  readonly durability: Durability
  readonly bytes: number
  /** Only when it was asked for: payloads may hold what not everybody is to see. */
  readonly payload: { readonly headers: Headers; readonly value: Uint8Array | null } | undefined
  readonly groups: readonly GroupProgress[]
  /** Events that name it as their cause, the oldest first; at most {@link MAX_CAUSED}. */
  readonly caused: readonly CausedEvent[]
  readonly moreCaused: boolean
}

export const MAX_CAUSED = 100

export interface CausedEvent extends Position {
  readonly id: string
  readonly type: string
  readonly storedAt: number
}

export interface Copy extends Position {
  readonly group: string
  readonly of: 'retry lane' | 'dead letter'
}

/** How far one group is with one event. */
export interface GroupProgress {
  readonly group: string
  readonly state: ProgressState
  /** The next offset that the group reads in the partition; undefined before its first commit. */
  readonly position: Offset | undefined
  /** What durable records tell of its runs. A success at the first attempt leaves none. */
  readonly attempts: readonly LaneAttempt[]
  readonly letter: LetterNote | undefined
  /** What the database says; undefined where none was asked. */
  readonly effect: EffectNote | undefined
}

export type ProgressState =
  /** Its position is not past it. `ahead`: events that come before it; `lag`: all that wait. */
  | {
      readonly kind: 'waiting'
      readonly ahead: bigint
      readonly lag: bigint
      readonly owner: string | undefined
    }
  /**
   * Its position is not past it, and the process that was asked has taken it: its handler runs, or waits for its key or a
   * place. Counts as for `waiting`.
   */
  | { readonly kind: 'working'; readonly ahead: bigint; readonly lag: bigint }
  /** In the retry lane. `behind`: the event of its key that runs first. */
  | {
      readonly kind: 'retrying'
      readonly attempts: number
      readonly dueAt: number
      readonly behind: Offset | undefined
      readonly replay: boolean
    }
  /** Given up; its key waits for a decision. */
  | { readonly kind: 'held'; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string }
  | { readonly kind: 'discarded' }
  /** `replayed`: it was dead before. */
  | { readonly kind: 'done'; readonly replayed: boolean }
  | { readonly kind: 'skipped'; readonly reason: string }
  /** The position is past it, and nothing durable says how. */
  | { readonly kind: 'passed' }
  | { readonly kind: 'unknown'; readonly reason: string }

export interface LetterNote {
  readonly id: string
  readonly status: string
  readonly reason: string
  readonly attempts: number
  readonly last: Failure
  readonly diedAt: number
}

export interface EffectNote {
  /** The database has the proof that its effect committed, has none, or keeps proofs of that time no longer. */
  readonly inbox: 'applied' | 'missing' | 'unknown' | 'unanswered'
  readonly database: string
  /** Why it did not answer. */
  readonly reason: string | undefined
}

export interface SearchReport {
  readonly how: 'index' | 'reading'
  readonly events: bigint
  readonly read: bigint
  readonly tookMs: number
  readonly unsearched: readonly Unsearched[]
}
