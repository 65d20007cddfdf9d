import { HoldfastError, parseDuration, type Duration } from '../../event/index.ts'
import type { LeaseOptions } from '../../log/index.ts'

export interface EmbeddedOptions {
  /** Largest record: key, value and headers, in bytes. Raising it makes every reader take in more at once. Defaults to 1 MiB. */
  readonly maxRecordBytes?: number | undefined
  /**
   * Bytes of records that may wait for the disk; above it appends are refused with `LOG_FULL`. More outlasts a longer
   * stall of the disk and takes that much memory. Defaults to 64 MiB.
   */
  readonly maxQueueBytes?: number | undefined
  /** Largest size of the log's file, in bytes; above it appends are refused with `LOG_FULL`. Defaults to no limit. */
  readonly maxBytes?: number | undefined
  /**
   * Bytes of the disk that appends leave free, so that retention and positions of groups can still be written. Defaults
   * to 64 MiB.
   */
  readonly minFreeBytes?: number | undefined
  /** Size of a file kept in reserve for when others have filled the disk all the same, in bytes. Defaults to 8 MiB. */
  readonly reserveBytes?: number | undefined
  /**
   * For how long, at least, the id of an event is known, so that a second sending is told from a new event. Each id
   * takes about 110 bytes for up to 1.2 times as long. Defaults to `'24h'`.
   */
  readonly dedupWindow?: Duration | undefined
  /**
   * Bytes that the index of event ids may take: 1.5 for each id that a header has, so 64 MiB are some 40 million events.
   * An event that is older is found by the time in its id, or by reading. 0 keeps no index. Defaults to 64 MiB.
   */
  readonly idIndexBytes?: number | undefined
  /** How often it is looked whether there are enough new events for a page of it. Defaults to `'5s'`. */
  readonly idIndexInterval?: Duration | undefined
  /** How often old records are deleted. Defaults to `'1m'`. */
  readonly retentionInterval?: Duration | undefined
  /** How long one commit may take before it counts as failed, which ends the process. Defaults to `'60s'`. */
  readonly commitTimeout?: Duration | undefined
  readonly leases?: LeaseOptions | undefined
  /** For metrics. Must not throw. */
  readonly observe?: EmbeddedObserver | undefined
}

export interface EmbeddedObserver {
  /** A commit became durable after so many milliseconds: written, synced, and its state synced. */
  committed?(ms: number): void
  /** Called after each run of retention. */
  space?(sizes: {
    readonly fileBytes: number
    readonly reusableBytes: number
    readonly diskFreeBytes: number
  }): void
}

export interface ResolvedEmbeddedOptions {
  readonly maxRecordBytes: number
  readonly maxQueueBytes: number
  readonly maxBytes: number
  readonly minFreeBytes: number
  readonly reserveBytes: number
  readonly dedupWindowMs: number
  readonly idIndexBytes: number
  readonly idIndexIntervalMs: number
  readonly retentionIntervalMs: number
  readonly commitTimeoutMs: number
  readonly leases: LeaseOptions
  readonly observe: EmbeddedObserver
}

const MIB = 1024 * 1024

/** Every field filled. Throws `CONFIG_INVALID` naming the option, its bound and what was given. */
export function resolveEmbeddedOptions(options: EmbeddedOptions): ResolvedEmbeddedOptions {
  const resolved: ResolvedEmbeddedOptions = {
    maxRecordBytes: options.maxRecordBytes ?? MIB,
    maxQueueBytes: options.maxQueueBytes ?? 64 * MIB,
    maxBytes: options.maxBytes ?? Number.POSITIVE_INFINITY,
    minFreeBytes: options.minFreeBytes ?? 64 * MIB,
    reserveBytes: options.reserveBytes ?? 8 * MIB,
    dedupWindowMs: parseDuration(options.dedupWindow ?? '24h', 'embedded: dedupWindow'),
    idIndexBytes: options.idIndexBytes ?? 64 * MIB,
    idIndexIntervalMs: parseDuration(options.idIndexInterval ?? '5s', 'embedded: idIndexInterval'),
    retentionIntervalMs: parseDuration(options.retentionInterval ?? '1m', 'embedded: retentionInterval'),
    commitTimeoutMs: parseDuration(options.commitTimeout ?? '60s', 'embedded: commitTimeout'),
    leases: options.leases ?? {},
    observe: options.observe ?? {},
  }
  atLeast(resolved, 'maxRecordBytes', 1)
  if (resolved.maxRecordBytes > MAX_RECORD_BYTES) {
    refuse('maxRecordBytes', `at most ${MAX_RECORD_BYTES}`, resolved.maxRecordBytes)
  }
  atLeast(resolved, 'maxQueueBytes', resolved.maxRecordBytes)
  atLeast(resolved, 'maxBytes', MIB)
  atLeast(resolved, 'minFreeBytes', 0)
  atLeast(resolved, 'reserveBytes', 0)
  atLeast(resolved, 'dedupWindowMs', 1_000)
  atLeast(resolved, 'idIndexBytes', 0)
  atLeast(resolved, 'idIndexIntervalMs', 10)
  atLeast(resolved, 'retentionIntervalMs', 10)
  atLeast(resolved, 'commitTimeoutMs', 1_000)
  return resolved
}

/** Sizes of chunks are 32 bits; a record and its chunk must stay far below. */
const MAX_RECORD_BYTES = 256 * MIB

function atLeast(
  options: ResolvedEmbeddedOptions,
  name: Exclude<keyof ResolvedEmbeddedOptions, 'leases' | 'observe'>,
  least: number,
): void {
  if (!(options[name] >= least)) refuse(name, `at least ${least}`, options[name])
}

function refuse(name: string, bound: string, value: number): never {
  throw new HoldfastError('CONFIG_INVALID', { detail: `embedded: ${name} must be ${bound}, got ${value}` })
}
