import type { Offset } from '../../event/index.ts'
import type { EntryBook } from './entry-book.ts'
import type { BatchSettings, Row } from './intake.ts'
import type { Entry, KeyQueue, Order } from './key-queue.ts'
import type { RunEvent } from './lane-io.ts'
import type { Outbox } from './outbox.ts'
import type { Ownership } from './ownership.ts'
import type { TenantShares } from './tenant-shares.ts'
import type { LaneNote } from './tenure.ts'

export interface RetryLaneOptions {
  readonly topic: string
  readonly group: string
  /** Of an event. It does not change while there is a machine: a range is reprocessed between two of them. */
  generationOf(origin: Offset): number
  /** Of this takeover; never used before. */
  readonly tenure: string
  /** The committed position in the topic, read after the partition was owned. */
  readonly committed: Offset
  /**
   * Where it delivers from, if not from there: a range below `committed` is run again. What it commits as the position
   * in the topic is then how far it is in the range, and entries from there on wait until the range has got past them.
   */
  readonly from?: Offset | undefined
  /** The note of that commit; undefined for a group that never had one. */
  readonly note: LaneNote | undefined
  /** First kept offset of the lane. */
  readonly laneStart: Offset
  /**
   * The watermark of the topic, at the position that is delivered from: the only one that computes what to commit there. It is told of
   * each record once it has its durable outcome: done, skipped or parked. Nothing asks for its bytes in the topic then.
   */
  readonly watermark: { completed(offset: Offset): void; readonly commitable: Offset }
  readonly settings: LaneSettings
}

export interface LaneSettings {
  readonly order: Order
  /** Whether later events of a key go on when one has died. */
  readonly whenDead: 'continue' | 'hold'
  readonly maxParked: number
  /** Entries that run at once. */
  readonly maxRuns: number
  /** Entries that one run may hold: more than one only where handlers take batches, each in one transaction. */
  readonly maxTogether: number
  /** The longest wait before another try. */
  readonly maxWaitMs: number
  /** An entry during which the process died so often is given up. */
  readonly maxDeaths: number
  /** The lane is copied together when fewer than one in so many of its records are open entries, … */
  readonly sparse: number
  /** … and when it holds at least so many records. */
  readonly compactFrom: number
  readonly batch: BatchSettings | undefined
}

/** What runs under one number. */
export type Run =
  | { readonly kind: 'lane'; readonly entries: readonly Entry[] }
  | { readonly kind: 'topic'; readonly rows: readonly Row[]; readonly batch: boolean }

/** What the two halves of the machine share: the life of entries, and that of records before they are any. */
export interface LaneParts {
  readonly settings: LaneSettings
  generationOf(origin: Offset): number
  readonly out: Outbox
  readonly own: Ownership
  readonly book: EntryBook
  readonly shares: TenantShares
  /** Milliseconds since 1970, at the present input. */
  readonly now: number
  readonly stopping: boolean
  run(run: Run, events: readonly RunEvent[]): void
  /** The record of the topic has its durable outcome. */
  settled(offset: Offset): void
  /** Looks what a key may do now. To be called after every change to its queue. */
  step(queue: KeyQueue): void
  /** An entry came to rest, or is gone: requests about it may go on. */
  rested(origin: Offset): void
  /** Whether a request about it is under way. */
  asked(origin: Offset): boolean
}
