import { HoldfastError } from './errors.ts'

declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/**
 * A place within a partition. Only grows, and may have gaps (control records, compaction, ids packed into a
 * bigint): no code assumes that the next is +1.
 */
export type Offset = Branded<bigint, 'Offset'>

/** The one place that makes offsets. */
export function offset(value: bigint | number | string): Offset {
  const n = BigInt(value)
  if (n < 0n) throw new HoldfastError('INTERNAL', { detail: `an offset is never negative, got ${n}` })
  return n as Offset
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface Position extends TopicPartition {
  readonly offset: Offset
}

/** One string per partition, for maps: topic names hold no `/`. */
export function partitionId(tp: TopicPartition): string {
  return `${tp.topic}/${tp.partition}`
}

/** Header names are lower case and unique within a record. */
export type Headers = Readonly<Record<string, string>>

/** What is appended: bytes with a key and headers. `value: null` is a tombstone. */
export interface NewRecord {
  readonly key?: string | undefined
  readonly value: Uint8Array | null
  readonly headers: Headers
  /** Chosen by hand instead of by the key's hash (lanes, dead letters, migration). */
  readonly partition?: number | undefined
}

/** What is read: a record with its place and the log's own time (milliseconds since 1970, never decreasing). */
export interface LogRecord extends Position {
  readonly key: string | undefined
  readonly value: Uint8Array | null
  readonly headers: Headers
  readonly timestamp: number
}

/** Header names and topics that begin with this are ours; they are stripped from whatever comes from outside. */
export const RESERVED_HEADER_PREFIX = 'hf-'
export const RESERVED_TOPIC_PREFIX = 'hf.'

/**
 * What survives what, once an append was acknowledged. `fsync`: power loss of this machine, not loss of its disk.
 * `quorum`: what the broker's replication survives. `single`: one broker's page cache. `memory`: nothing.
 * `spool`: kept by the collector on its own disk until a remote log is back.
 */
export type Durability = 'fsync' | 'quorum' | 'single' | 'memory' | 'spool'
