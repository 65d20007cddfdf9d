import type {
  Clock,
  Durability,
  Finding,
  HoldfastError,
  idHeaders,
  Logger,
  LogRecord,
  NewRecord,
  Offset,
  Position,
  Random,
  TopicPartition,
} from '../event/index.ts'

/**
 * The log port, first half: records. A driver fills it for a store that keeps records in partitions; everything
 * that consumer groups promise (order, retry, dead letters) is built above it and never taken from a broker.
 *
 * Every promise made here is stated once as a test in `suite/`, which every driver runs.
 */
export interface Log {
  /** What the driver is called in messages: `embedded`, `memory`, `kafka`. */
  readonly kind: string
  /** What an acknowledged append of this log survives. */
  readonly durability: Durability
  /** Largest record that it takes (`recordBytes`), where that is known before it is tried. */
  readonly maxRecordBytes?: number | undefined

  /**
   * Appends records of one topic. Resolves only when all that will be stored is durable, with one outcome per record
   * in the same order. Records of one call that go to one partition get growing offsets in call order; two calls are
   * ordered by when they were made. Once begun it is never cancelled.
   *
   * Rejects, storing nothing: `LOG_TOPIC_UNKNOWN`, `LOG_RECORD_TOO_LARGE` (before anything is written), `LOG_FULL`,
   * `LOG_STALLED`, `LOG_CLOSED`, `CONFIG_INVALID` (a `partition` that the topic does not have). Rejects with
   * `LOG_FAILED` when it is not known whether the records were stored.
   */
  append(topic: string, records: readonly AppendRecord[]): Promise<readonly AppendOutcome[]>

  /**
   * Reads records of one partition from `from` on, in offset order. When there are none yet it waits up to `waitMs`
   * and then answers with none. An abort of `signal` and a close of the log end the wait with an empty answer.
   *
   * Rejects with `OFFSET_OUT_OF_RANGE` (facts: `start`, `end`, `lost` where it is known) when `from` lies below the
   * first kept record or above the end, and with `LOG_CORRUPT` when the stored bytes are not what was written: a gap is never skipped.
   * Rejects with `LOG_TOPIC_UNKNOWN` for a topic or partition that does not exist, as all methods here do.
   */
  read(at: Position, limits: ReadLimits, signal: AbortSignal): Promise<ReadResult>

  /** The first kept offset and the one that the next record will get, or a later one. Empty: both are equal. */
  bounds(tp: TopicPartition): Promise<Bounds>

  /** The first offset whose record has a time at or after `time` (milliseconds since 1970); the end if there is none. */
  offsetAt(tp: TopicPartition, time: number): Promise<Offset>

  /**
   * Deletes the records below the position, for good: {@link Bounds.start} moves up to it. What is stored together with
   * a record that is kept may be kept as well, so the start may stay below it; every record from the position on is
   * kept, and at the end of the partition nothing is. Below the start it does nothing. Who reads below the new start is
   * refused as after retention, and {@link DedupKey | ids} stay known.
   *
   * Rejects, deleting nothing, with `OFFSET_OUT_OF_RANGE` for a position above the end. Deletes in steps: when it is
   * stopped between two (`LOG_CLOSED`, `LOG_FAILED`, `LOG_STALLED`), or met damage (`LOG_CORRUPT`), the oldest are gone.
   */
  deleteRecords(before: Position): Promise<void>

  /** Topics are declared, never made by a typo. */
  readonly topics: Topics

  /** Lets appends under way finish, then frees everything; calls made later reject with `LOG_CLOSED`. The second does nothing. */
  close(): Promise<void>
}

export interface Topics {
  /**
   * Makes the topic, or checks that it is there with these partitions. More partitions than before are added; fewer is
   * `LOG_TOPIC_EXISTS`. Retention becomes what is given here. A name or number that cannot work is `CONFIG_INVALID`.
   */
  create(topic: string, settings: TopicSettings): Promise<void>
  /** Undefined for a topic that does not exist. */
  describe(topic: string): Promise<TopicSettings | undefined>
  list(): Promise<readonly string[]>
  /** With its records and the positions of all groups in it. Does nothing for a topic that does not exist. */
  delete(topic: string): Promise<void>
}

export interface TopicSettings {
  readonly partitions: number
  /** Records older than this may be deleted, by their stored time. Undefined keeps them for ever. */
  readonly retentionMs?: number | undefined
  /** Bytes kept for each partition; the oldest go first. Undefined: no limit. */
  readonly retentionBytes?: number | undefined
}

export interface AppendRecord extends NewRecord {
  /** Only for a log with {@link Deduplicates}: store this record unless one with the same scope, source and id is known. */
  readonly dedup?: DedupKey | undefined
}

export interface DedupKey {
  /** The tenant, so that one tenant's ids never meet another's. */
  readonly scope: string
  readonly source: string
  readonly id: string
  /** Hash of the payload: the same id with another payload is a conflict, not a duplicate. */
  readonly hash: Uint8Array
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly position: Position; readonly timestamp: number }
  /** Known already, with the same payload: `position` is where the first one stands. Nothing was stored. */
  | { readonly kind: 'duplicate'; readonly position: Position }
  /** Known already with another payload. Nothing was stored. */
  | { readonly kind: 'conflict'; readonly position: Position }

export interface ReadLimits {
  readonly maxRecords: number
  /** Soft: at least one record is answered, however large. */
  readonly maxBytes: number
  readonly waitMs: number
}

export interface ReadResult {
  readonly records: readonly LogRecord[]
  /** Where to read on. With gaps it is not the last offset + 1. */
  readonly next: Offset
  /** End of the partition when this was read; `end` minus position is the lag. */
  readonly end: Offset
}

export interface Bounds {
  readonly start: Offset
  readonly end: Offset
}

/**
 * The log port, second half: who reads what, and how far they are. Kafka has it; drivers of stores that do not share
 * one component over a small compare-and-set store (`lease-groups.ts`).
 */
export interface Groups {
  /**
   * Becomes a member. The partitions of `topics` are shared out among the members of the group; each partition has
   * one owner at a time, with an epoch that grows at every change of owner. The member hears of its first partitions
   * after this resolved. Rejects with `LOG_TOPIC_UNKNOWN`, `LOG_CLOSED`.
   */
  join(group: string, topics: readonly string[], member: Member): Promise<Membership>

  /**
   * Stores positions (the next offset to read) with their notes, durably. An epoch that is not the partition's
   * current one is refused for that partition, and is never tried again under a new epoch. Notes are at most 4 KiB.
   *
   * Rejects, storing nothing: `OFFSET_OUT_OF_RANGE` for a position above the end; `INTERNAL` for one below what the
   * same epoch has stored already, and for a longer note.
   */
  commit(group: string, commits: readonly Commit[]): Promise<readonly CommitOutcome[]>

  /**
   * Positions of the group with their notes; partitions without one are left out. Rejects with `LOG_CORRUPT` when one
   * stands above the end of its partition: records that the group has seen are missing.
   */
  committed(group: string): Promise<readonly Committed[]>

  /** All groups that have a position or a member. */
  list(): Promise<readonly string[]>
  describe(group: string): Promise<GroupDescription>
  /**
   * Sets positions by a recorded decision. A note that is there stays: it is about more than the position, as how far
   * the group's retry lane is. Rejects, moving nothing: `GROUP_ACTIVE` while a partition named has an owner,
   * `OFFSET_OUT_OF_RANGE` for a position above the end, `LOG_TOPIC_UNKNOWN`.
   */
  move(group: string, positions: readonly Position[]): Promise<void>
  /**
   * For a log that forgets positions of a group that has had no member for long: it is not to forget them, counted anew
   * from now. Called daily for a group that rests on purpose. Does nothing for one with members.
   */
  keep?(group: string): Promise<void>
  /** Forgets the group's positions. Refused with `GROUP_ACTIVE` while it has members. Epochs go on from where they were. */
  delete(group: string): Promise<void>
}

export interface Member {
  /** Shown to people: host and process id, or a static name. */
  readonly name: string
  /** These partitions are now this member's. Read positions only after this. */
  assigned(owned: readonly OwnedPartition[]): void
  /**
   * These partitions are wanted elsewhere: stop taking in, drain, commit, then resolve. Others go on. The partitions
   * are given away when it resolves, or after the driver's revoke time-out. A driver that can give them away one by
   * one calls this for each.
   */
  revoking(partitions: readonly OwnedPartition[]): Promise<void>
  /** These partitions are gone: another may own them already. Drop their work; commits would be refused. */
  lost(partitions: readonly OwnedPartition[]): void
}

export interface OwnedPartition extends TopicPartition {
  readonly epoch: bigint
}

export interface Membership {
  /** Revokes what is owned (see {@link Member.revoking}), then leaves. The second call does nothing. */
  leave(): Promise<void>
  /** Proves with a fresh heartbeat that this member still owns the partition under this epoch; false if not. */
  confirm(owned: OwnedPartition): Promise<boolean>
}

export interface Commit extends OwnedPartition {
  readonly offset: Offset
  readonly note?: string | undefined
}

export type CommitOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'stale'; readonly epoch: bigint; readonly owner: string | undefined }

export interface Committed extends Position {
  readonly note: string | undefined
}

export interface GroupDescription {
  readonly group: string
  readonly members: readonly string[]
  readonly partitions: readonly (TopicPartition & {
    readonly owner: string | undefined
    readonly epoch: bigint
    readonly committed: Offset | undefined
  })[]
}

/** Optional power: events by their ids, without reading the log from end to end. */
export interface FindsIds {
  /**
   * The records in one of whose headers for ids (`idHeaders`) the id stands, in any topic, the oldest first. What an
   * index answers is searched whole; beside it as much as time allows, and the answer says what was left out. An abort
   * of `signal` ends the search early, as when time is up.
   */
  findId(id: string, options: FindOptions): Promise<IdSearch>
}

export interface FindOptions {
  /** In which of its headers a record is to have the id. */
  readonly as: readonly IdRole[]
  /** Records answered at most. */
  readonly limit: number
  /** How long events that no index covers are read, at most. Milliseconds. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

export type IdRole = keyof typeof idHeaders

export interface IdSearch {
  readonly records: readonly LogRecord[]
  /** There may be more than `limit`. */
  readonly more: boolean
  /** Events that the search answers for, and how many of them had to be read. */
  readonly searched: { readonly events: bigint; readonly read: bigint }
  /** What it does not answer for. Empty: the id is nowhere else. */
  readonly unsearched: readonly Unsearched[]
}

/** Events of a partition, by offset and time, that were not searched. */
export interface Unsearched extends TopicPartition {
  readonly from: Offset
  readonly to: Offset
  /** Time of the last of them, milliseconds since 1970, where it is known. */
  readonly until: number | undefined
  /** Why they cannot be read, in words; undefined where patience was over. */
  readonly why?: string | undefined
}

/**
 * Optional power: becomes the copy of another log, at the same offsets. Everything that names an offset then stays true:
 * notes of positions, retry lanes, dead letters, replays, the database. For partitions that nobody else appends to.
 */
export interface Imports {
  /**
   * An empty partition that ends at or below this offset goes on at it: both {@link Bounds} are equal to it. Called again
   * after a death in the middle, it ends the work. Rejects with `MIGRATION_REFUSED` where records are stored, or the end
   * lies above.
   */
  begin(at: Position): Promise<void>
  /**
   * Appends records of one partition with the times that they have, the first at exactly this offset, the others behind
   * it without gaps. Resolves when all are durable; after a death in the middle, the first of them are.
   *
   * Rejects with `MIGRATION_REFUSED` when the partition ends elsewhere, and as {@link Log.append} does.
   */
  append(at: Position, records: readonly ImportedRecord[]): Promise<void>
  /**
   * Sets positions of a group together with their notes, undefined ones included. Rejects as {@link Groups.move} does,
   * also with `GROUP_ACTIVE` while a partition named has an owner.
   */
  positions(group: string, positions: readonly Committed[]): Promise<void>
}

/** Times do not decrease within a partition. */
export type ImportedRecord = Pick<LogRecord, 'key' | 'value' | 'headers' | 'timestamp'>

/** What a driver can and cannot do. A `false` carries the reason, which the suite prints instead of the test. */
export interface Features {
  /** Appends honour {@link DedupKey}. */
  readonly deduplicates: Supported
  /** Old records are deleted by {@link Retains.enforceRetention}. */
  readonly retains: Supported
  /** Records are there after the process died. */
  readonly persists: Supported
  /** Events are found by an id: {@link FindsIds}. */
  readonly findsIds: Supported
  /** It can become the copy of another log: {@link Imports}. */
  readonly imports: Supported
}

type Supported = true | { readonly reason: string }

/** Optional power: retention that is run by us, not by a broker. */
export interface Retains {
  /** Deletes what the settings of the topics allow, in slices. Answers how many records went, by partition id. */
  enforceRetention(signal: AbortSignal): Promise<ReadonlyMap<string, bigint>>
}

/** What a driver gives: both halves, and what it can. */
export interface LogSystem extends Partial<FindsIds> {
  readonly log: Log & Partial<Retains>
  readonly groups: Groups
  readonly features: Features
  readonly imports?: Imports | undefined
  /** Compares topics with what is there and says what loses events, for a log that others may change too. */
  examine?(topics: readonly WantedTopic[]): Promise<readonly Finding[]>
  /** Room on the disk, for a log that is on one of ours. */
  space?(): LogSpace
  /** Bytes that the kept events of a partition take there; undefined for one that is not there. */
  bytesOf?(tp: TopicPartition): number | undefined
  /** Settles when the log can no longer be trusted (a failed sync, corruption of its state): the process must end. */
  readonly failed: Promise<HoldfastError>
  /** Groups leave, the log closes. */
  close(): Promise<void>
}

/** A topic as an app declares it. */
export interface WantedTopic extends TopicSettings {
  readonly name: string
  /** Groups have positions in it. */
  readonly isRead: boolean
}

/** A log as it stands in a config: named and checked, not yet opened. What a driver's function gives. */
export interface LogDriver {
  readonly kind: string
  /** Where its data is, for people: a folder, brokers, `memory`. */
  readonly where: string
  /** It is on other machines, which may be away while this one works: a collector then keeps a spool. Defaults to false. */
  readonly remote?: boolean | undefined
  /** Opens the log. Rejects with `LOG_IN_USE`, `LOG_VERSION`, `LOG_CORRUPT` or `CONFIG_INVALID`. */
  open(env: LogEnvironment): Promise<LogSystem>
}

export interface LogEnvironment {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly observer?: LogObserver | undefined
}

/** What a log tells whoever measures it. Must not throw. */
export interface LogObserver {
  /** A commit became durable: written, synced, and its state synced, in this time. */
  synced?(of: { readonly seconds: number }): void
  /** A broker had lost the sequence of a producer of ours: what it had not acknowledged is sent again, and may be there twice. */
  renewed?(): void
}

/** Bytes that the log takes on its disk, and those that the disk has left for it. */
export interface LogSpace {
  readonly usedBytes: number
  readonly freeBytes: number
}
