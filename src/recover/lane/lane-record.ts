import type { Headers, Offset } from '../../event/index.ts'
import type { Failure } from '../failure.ts'

/**
 * What a retry lane is made of. The lane of partition p of a topic is partition p of the topic `<topic>.<group>.retry`;
 * only the owner of p writes there, except for requests, which anybody may append. Nothing is ever changed in place:
 * the state of the lane is what comes out when its records are read in order (`fold.ts`).
 */
export type LaneRecord = Park | Start | Attempt | Closed | Request | Answer | Fence

/**
 * Who wrote a record: the tenure (128 random bits, new at each takeover of a partition) and the how manyth record of
 * that tenure it is. An epoch or a process id would not do: both are reused, and a record that a former owner sent long
 * ago and that lands only now must never be taken for one of the present owner. The number tells two copies of one
 * append apart from two appends.
 */
export interface Written {
  readonly tenure: string
  readonly seq: number
}

/**
 * Which entry a record is about: never a position in the lane, since an entry may be copied forward. Round 0 comes from
 * the topic; each replay of the entry's dead letter is the next round.
 */
export interface Identity {
  /** 0 until a replay reprocesses the range that it lies in. An entry of an older one is nobody's any more. */
  readonly generation: number
  /** Offset in the partition that the event came from. */
  readonly origin: Offset
  readonly round: number
}

export function identityOf({ generation, origin, round }: Identity): Identity {
  return { generation, origin, round }
}

/** Where an entry stands: everything a successor must know, and what a copy takes along. */
export interface EntryState {
  /** Failed attempts so far. 0: it never ran, it waits behind an older event of its key. */
  readonly attempts: number
  /** Not before this time, milliseconds since 1970: it must mean the same to the next process. */
  readonly dueAt: number
  /** Times that the process died while it ran. */
  readonly deaths: number
  /** Why it is given up. It never runs again; its letter is written, or is to be written. */
  readonly final: string | undefined
  readonly first: Failure | undefined
  readonly last: Failure | undefined
}

/** An event enters the lane. The same identity again is a copy that replaces it; a higher round replaces a lower one. */
export interface Park extends Written, Identity {
  readonly kind: 'park'
  readonly state: EntryState
  readonly event: ParkedEvent
}

/** The record of the topic as it was, whole. */
export interface ParkedEvent {
  readonly key: string | undefined
  readonly headers: Headers
  readonly value: Uint8Array | null
  /** When the topic's log kept it, milliseconds since 1970. */
  readonly time: number
}

/** It begins to run. Without an end behind it, the process died meanwhile. */
export interface Start extends Written, Identity {
  readonly kind: 'start'
}

/** A run ended without success, or it was given up. `attempts` as before: nothing was held against the event. */
export interface Attempt extends Written, Identity {
  readonly kind: 'attempt'
  readonly attempts: number
  readonly dueAt: number
  readonly final: string | undefined
  readonly failure: Failure | undefined
}

/** `superseded`: its range was reprocessed, and so it belongs to a new generation. */
export const endings = ['resolved', 'dead', 'skipped', 'superseded'] as const

/** Nothing is left to do. Always the last record about an identity. */
export interface Closed extends Written, Identity {
  readonly kind: 'closed'
  readonly how: (typeof endings)[number]
}

export const requestActions = ['replay', 'release', 'discard', 'restore', 'run-now', 'cancel'] as const

/**
 * What an operator wants. The owner does it and answers, because only it can order the wish against what runs.
 *
 * - `replay`: try a dead event again. `discard`: never; its letter says so. Both free a held key.
 * - `restore`: take a discard back; the letter can be replayed again.
 * - `release`: leave the event dead, but let the later ones of its key go on.
 * - `run-now`: do not wait until it is due. `cancel`: give it up now; it becomes a dead letter.
 */
export interface Request {
  readonly kind: 'request'
  readonly id: string
  readonly action: (typeof requestActions)[number]
  readonly generation: number
  readonly origin: Offset
  /** The version of the letter that the operator saw: two clicks on one letter are one replay. 0 where there is none. */
  readonly letterVersion: number
  readonly by: string
  readonly reason: string
}

/** The end of a request. `refused` holds the reason. */
export interface Answer extends Written {
  readonly kind: 'answer'
  readonly id: string
  readonly refused: string | undefined
}

/** The first record of a tenure: it marks where the stretch of the tenure begins. */
export interface Fence extends Written {
  readonly kind: 'fence'
  readonly topic: string
  readonly group: string
}
