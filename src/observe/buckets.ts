/** Upper bounds in seconds. A disk sync takes about a millisecond, a handler up to its deadline of 30 s. */
export const shortBuckets: number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

/** Upper bounds in seconds for what includes waiting for a dependency that is away: up to six hours. */
export const longBuckets: number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 21_600,
]

/** Upper bounds in events. */
export const countBuckets: number[] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000]
