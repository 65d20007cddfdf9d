import { HoldfastError, parseDuration, type Duration } from '../../event/index.ts'

/** How a collector keeps events while its log, on other machines, is away. */
export interface SpoolOptions {
  /** A folder of its own for each collector, on a disk of this machine. Defaults to `.holdfast/spool`. */
  readonly folder?: string | undefined
  /** Bytes that it may take on the disk; above it events are answered 503. Defaults to 8 GiB. */
  readonly maxBytes?: number | undefined
  /** Bytes of the disk that it leaves free. Defaults to 512 MiB. */
  readonly minFreeBytes?: number | undefined
  /**
   * How old the oldest event in it may be before new ones are answered 503. Longer than the inbox of the groups knows
   * ids (two days), and what is drained at last would end as dead letters. Defaults to `'24h'`.
   */
  readonly maxAge?: Duration | undefined
  /**
   * How long an event waits for the log before it goes to the spool. Shorter answers faster in an outage, and spools in
   * every short pause of the log. Defaults to `'2s'`.
   */
  readonly patience?: Duration | undefined
}

export interface ResolvedSpoolOptions {
  readonly folder: string
  readonly maxBytes: number
  readonly minFreeBytes: number
  readonly maxAgeMs: number
  readonly patienceMs: number
}

const MIB = 1024 * 1024

/** Fills in every default. Throws `CONFIG_INVALID` naming the option, its bound and what was given. */
export function resolveSpoolOptions(given: SpoolOptions = {}): ResolvedSpoolOptions {
  const resolved: ResolvedSpoolOptions = {
    folder: given.folder ?? '.holdfast/spool',
    maxBytes: given.maxBytes ?? 8192 * MIB,
    minFreeBytes: given.minFreeBytes ?? 512 * MIB,
    maxAgeMs: parseDuration(given.maxAge ?? '24h', 'spool.maxAge'),
    patienceMs: parseDuration(given.patience ?? '2s', 'spool.patience'),
  }
  const { maxBytes, minFreeBytes, maxAgeMs, patienceMs } = resolved
  if (resolved.folder === '') throw refusal('folder must be a path, got an empty one')
  const least: readonly (readonly [name: string, value: number, least: number, unit: string])[] = [
    ['maxBytes', maxBytes, MIB, ''],
    ['minFreeBytes', minFreeBytes, 0, ''],
    ['maxAge', maxAgeMs, 1_000, ' ms'],
    ['patience', patienceMs, 10, ' ms'],
  ]
  for (const [name, value, bound, unit] of least)
    if (!(value >= bound)) throw refusal(`${name} must be at least ${bound}${unit}, got ${value}${unit}`)
  return resolved
}

function refusal(detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail: `collector: spool.${detail}` })
}
