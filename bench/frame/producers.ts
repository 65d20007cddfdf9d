import { stopwatch, type Outcome } from './stopwatch.ts'

export interface Producers {
  /** How many append at once. */
  readonly producers: number
  /** Records of each append. */
  readonly batch: number
  readonly warmSeconds: number
  readonly seconds: number
}

/** Each appends again as soon as its last batch is stored. What was stored before the warm-up is over does not count. */
export async function produceInALoop(
  { producers, batch, warmSeconds, seconds }: Producers,
  append: () => Promise<unknown>,
): Promise<Outcome> {
  let events = 0
  async function produce(until: number): Promise<void> {
    while (performance.now() < until) {
      await append()
      events += batch
    }
  }
  const all = (seconds: number): Promise<void[]> =>
    Promise.all(Array.from({ length: producers }, () => produce(performance.now() + seconds * 1000)))
  await all(warmSeconds)
  events = 0
  const watch = stopwatch()
  await all(seconds)
  return watch.stop(events)
}
