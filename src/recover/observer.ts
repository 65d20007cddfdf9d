export type BreakerStateName = 'CLOSED' | 'OPEN' | 'HALF_OPEN'

/** What a breaker tells whoever measures it. */
export interface BreakerObserver {
  /** The state changed; also called once with `from` undefined when the breaker is made. */
  changed?(of: {
    name: string
    from: BreakerStateName | undefined
    to: BreakerStateName
    reason: string
  }): void
  /** A call that was due was not tried because the breaker is not closed. */
  held?(of: { name: string }): void
}
