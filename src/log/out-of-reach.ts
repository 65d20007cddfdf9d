import { isHoldfastError } from '../event/index.ts'

/**
 * Why one topic or partition cannot be looked at while others can: it is somebody else's, nobody leads it, it was deleted
 * just now. Undefined for an error that says more than that.
 */
export function outOfReach(error: unknown): string | undefined {
  return isHoldfastError(error, 'LOG_DENIED', 'LOG_STALLED', 'LOG_TOPIC_UNKNOWN')
    ? `${error.code}: ${error.detail}`
    : undefined
}
