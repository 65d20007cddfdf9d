import { hasId, isAuthentication, isAuthorization, isNetwork } from '../errors.ts'

/**
 * What it means when a request of a member is refused. Nothing that shuts a member out is ever answered by asking again
 * under another name.
 */
export type Refusal =
  /** Partitions are shared out anew: it is still a member, and is to join again. */
  | 'rebalance'
  /** The coordinator has not heard of it for a session, or has put it out: it has nothing any more. */
  | 'unknown-member'
  /** The group has gone on without it. */
  | 'old-generation'
  /** Another process has taken its instance id. */
  | 'fenced'
  /** First contact: it has a member id now, and is to join with it. */
  | 'member-id'
  /** Nothing was decided: the coordinator is another one by now, or is not reached. */
  | 'elsewhere'
  /** Somebody has to do something: an ACL, an option, a group of another client. */
  | 'hopeless'

export function refusalOf(error: unknown): Refusal {
  if (hasId(error, 'FENCED_INSTANCE_ID')) return 'fenced'
  if (hasId(error, 'UNKNOWN_MEMBER_ID')) return 'unknown-member'
  if (hasId(error, 'ILLEGAL_GENERATION')) return 'old-generation'
  if (hasId(error, 'REBALANCE_IN_PROGRESS')) return 'rebalance'
  if (hasId(error, 'MEMBER_ID_REQUIRED')) return 'member-id'
  if (isAuthorization(error) || isAuthentication(error)) return 'hopeless'
  if (isMoved(error) || isNetwork(error)) return 'elsewhere'
  return 'hopeless'
}

/** The coordinator of the group is another broker, or none yet: ask who it is. */
export function isMoved(error: unknown): boolean {
  return hasId(
    error,
    'NOT_COORDINATOR',
    'COORDINATOR_NOT_AVAILABLE',
    'COORDINATOR_LOAD_IN_PROGRESS',
    // The offsets topic is short of replicas: passes, as a broker comes back.
    'NOT_ENOUGH_REPLICAS',
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    'REQUEST_TIMED_OUT',
    'UNSTABLE_OFFSET_COMMIT',
    'OFFSET_NOT_AVAILABLE',
  )
}
