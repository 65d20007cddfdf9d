import { systemClock, type Clock } from '../../src/event/index.ts'

/** A clock whose times are set by hand. Its timers are real. */
export interface SetClock extends Clock {
  /** Time passes: both clocks go on. */
  pass(ms: number): void
  /** Somebody sets the wall clock. */
  set(ms: number): void
}

export function setClock(): SetClock {
  let wall = 1_700_000_000_000
  let monotonic = 1_000_000
  return {
    now: () => wall,
    monotonic: () => monotonic,
    after: (ms, fn) => systemClock.after(ms, fn),
    pass(ms) {
      wall += ms
      monotonic += ms
    },
    set(ms) {
      wall += ms
    },
  }
}
