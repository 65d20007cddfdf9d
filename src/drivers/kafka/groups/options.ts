import { HoldfastError, parseDuration, type Duration } from '../../../event/index.ts'

/** How members of groups show Kafka that they live, and how partitions change hands. The same in all members of a group. */
export interface GroupOptions {
  /**
   * How often a member tells the coordinator that it lives. Lower: a member hears sooner that partitions are to be
   * shared out anew, for more small requests. Defaults to `'3s'`.
   */
  readonly beat?: Duration | undefined
  /**
   * A member that the coordinator has not heard for this long is taken for dead and its partitions are given away; by
   * its own clock it has dropped them before. Lower: a hanging process is replaced sooner, but a broker that is replaced
   * slowly may cost every member its partitions. At least twice `beat`, and between `group.min.session.timeout.ms` and
   * `group.max.session.timeout.ms` of the brokers. Defaults to `'30s'`.
   */
  readonly session?: Duration | undefined
  /**
   * How long the coordinator waits for each member to take part when partitions are shared out; one that does not is put
   * out of the group. At least `session`. Defaults to `'60s'`.
   */
  readonly rebalanceTimeout?: Duration | undefined
  /**
   * How long a member may take to drain partitions that are wanted elsewhere. They stay its own meanwhile, and the
   * others go on. Defaults to 0.7 × `rebalanceTimeout`.
   */
  readonly revokeTimeout?: Duration | undefined
  /**
   * How often the member that leads a group looks whether its topics have got more partitions. Defaults to `'30s'`.
   */
  readonly growth?: Duration | undefined
  /**
   * Names this process for ever, as `group.instance.id` does: started again within `session` it has its partitions back,
   * and no other member notices. Two processes must never have the same: the older one is shut out for good. Defaults to
   * none: every start is a new member. At most 200 of the characters a-z A-Z 0-9 . _ -
   */
  readonly instanceId?: string | undefined
  /**
   * Whether a member that stops leaves its group, so that the others have its partitions at once. Defaults to true, and
   * to false with an `instanceId`: then its partitions wait for it for `session`.
   */
  readonly leaveOnStop?: boolean | undefined
}

export interface ResolvedGroupOptions {
  readonly beatMs: number
  readonly sessionMs: number
  readonly rebalanceTimeoutMs: number
  readonly revokeTimeoutMs: number
  readonly growthMs: number
  readonly instanceId: string | undefined
  readonly leaveOnStop: boolean
}

/** Every field filled. Throws `CONFIG_INVALID` naming the option, its bound and what was given. */
export function resolveGroupOptions(options: GroupOptions = {}): ResolvedGroupOptions {
  const { beat = '3s', session = '30s', rebalanceTimeout = '60s', growth = '30s', instanceId } = options
  const rebalanceTimeoutMs = parseDuration(rebalanceTimeout, 'kafka: groups.rebalanceTimeout')
  const resolved: ResolvedGroupOptions = {
    beatMs: parseDuration(beat, 'kafka: groups.beat'),
    sessionMs: parseDuration(session, 'kafka: groups.session'),
    rebalanceTimeoutMs,
    revokeTimeoutMs:
      options.revokeTimeout === undefined
        ? Math.floor(0.7 * rebalanceTimeoutMs)
        : parseDuration(options.revokeTimeout, 'kafka: groups.revokeTimeout'),
    growthMs: parseDuration(growth, 'kafka: groups.growth'),
    instanceId,
    leaveOnStop: options.leaveOnStop ?? instanceId === undefined,
  }
  const { beatMs, sessionMs, revokeTimeoutMs, growthMs } = resolved
  inRange('beat', beatMs, 1, HOUR_MS)
  inRange('session', sessionMs, 2 * beatMs, HOUR_MS)
  inRange('rebalanceTimeout', rebalanceTimeoutMs, sessionMs, HOUR_MS)
  inRange('revokeTimeout', revokeTimeoutMs, 1, HOUR_MS)
  inRange('growth', growthMs, 1, HOUR_MS)
  if (instanceId !== undefined && !/^[a-zA-Z0-9._-]{1,200}$/.test(instanceId))
    refuse('instanceId', '1 to 200 of the characters a-z A-Z 0-9 . _ -', JSON.stringify(instanceId))
  return resolved
}

const HOUR_MS = 3_600_000

function inRange(option: string, ms: number, min: number, max: number): void {
  if (!(Number.isInteger(ms) && ms >= min && ms <= max))
    refuse(option, `from ${min} to ${max} ms`, `${ms} ms`)
}

function refuse(option: string, bound: string, value: string): never {
  throw new HoldfastError('CONFIG_INVALID', {
    detail: `kafka: groups.${option} must be ${bound}, got ${value}`,
  })
}
