import { HoldfastError } from '../../event/index.ts'
import { resolveLeaseOptions, type LeaseOptions, type ResolvedLeaseOptions } from '../../log/index.ts'

export interface MemoryOptions {
  /** Largest record in bytes: key, value and headers. Defaults to 1 MiB. */
  readonly maxRecordBytes?: number | undefined
  /** Bytes of memory that records may take; above it appends are refused with `LOG_FULL`. Defaults to 256 MiB. */
  readonly maxBytes?: number | undefined
  /** How long the id of an event is known at least, milliseconds. Defaults to a day. */
  readonly dedupWindowMs?: number | undefined
  /** How its members of groups show that they live. */
  readonly leases?: LeaseOptions | undefined
}

export interface ResolvedMemoryOptions {
  readonly maxRecordBytes: number
  readonly maxBytes: number
  readonly dedupWindowMs: number
  readonly leases: ResolvedLeaseOptions
}

export function resolveMemoryOptions(options: MemoryOptions): ResolvedMemoryOptions {
  const {
    maxRecordBytes = 1024 * 1024,
    maxBytes = 256 * 1024 * 1024,
    dedupWindowMs = 86_400_000,
    leases = {},
  } = options
  for (const [name, value] of Object.entries({ maxRecordBytes, maxBytes, dedupWindowMs })) {
    if (!(Number.isInteger(value) && value > 0)) {
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `memory: ${name} must be a whole number above 0, got ${value}`,
      })
    }
  }
  return { maxRecordBytes, maxBytes, dedupWindowMs, leases: resolveLeaseOptions(leases) }
}
