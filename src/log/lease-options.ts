import { HoldfastError } from '../event/index.ts'

/** How members of groups show that they live. The same in all processes that share a log. */
export interface LeaseOptions {
  /**
   * How often a member writes that it lives, milliseconds. Lower: changes in other processes are seen sooner where the
   * store has no watch, for one small write a beat. Defaults to 3,000.
   */
  readonly beatMs?: number | undefined
  /**
   * A member that has not beaten for this long, milliseconds, is taken for dead and its partitions are given away.
   * Lower: a hanging process is replaced sooner, but a pause of the garbage collector may cost a takeover. A process
   * that is gone is noticed without it where the system can tell. At least two beats. Defaults to 30,000.
   */
  readonly sessionMs?: number | undefined
  /**
   * How long a member may take to drain partitions that are wanted elsewhere, milliseconds. Defaults to 30,000.
   */
  readonly revokeTimeoutMs?: number | undefined
}

export type ResolvedLeaseOptions = { readonly [K in keyof LeaseOptions]-?: number }

/** Every field filled. Throws `CONFIG_INVALID` naming the option. */
export function resolveLeaseOptions(options: LeaseOptions): ResolvedLeaseOptions {
  const { beatMs = 3_000, sessionMs = 30_000, revokeTimeoutMs = 30_000 } = options
  for (const [name, value] of Object.entries({ beatMs, sessionMs, revokeTimeoutMs })) {
    if (!(Number.isFinite(value) && value > 0)) {
      throw new HoldfastError('CONFIG_INVALID', { detail: `${name} must be above 0, got ${value}` })
    }
  }
  if (sessionMs < 2 * beatMs) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `sessionMs must be at least twice beatMs (${2 * beatMs}), got ${sessionMs}`,
    })
  }
  return { beatMs, sessionMs, revokeTimeoutMs }
}
