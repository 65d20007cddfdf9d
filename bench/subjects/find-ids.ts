/** Finds ids in a log that was opened just now: spread over all of it, and some that are not there. */
import { embedded } from '../../src/drivers/embedded/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'

const { folder, events, lookups } = given<{ folder: string; events: number; lookups: number }>()
const system = await embedded(folder).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
const signal = new AbortController().signal
const took: number[] = []
const watch = stopwatch()
for (let i = 0; i < lookups; i++) {
  const isThere = i % 10 !== 0
  const id = `order-${isThere ? Math.floor((events / lookups) * (i + Math.random())) : events + i}`
  const began = performance.now()
  const found = await system.findId?.(id, {
    as: ['id', 'causationId'],
    limit: 100,
    patienceMs: 60_000,
    signal,
  })
  took.push(performance.now() - began)
  if (found?.records.length !== Number(isThere) || found.unsearched.length > 0)
    throw new Error(`${id}: ${found?.records.length} records, ${found?.unsearched.length} stretches left out`)
}
const { rssAnonMiB, cpuSeconds } = watch.stop(lookups)
await system.close()
const sorted = took.toSorted((a, b) => a - b)
const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
tell({
  value: at(1),
  rssAnonMiB,
  cpuSecondsPerMillion: (cpuSeconds / lookups) * 1e6,
  latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
})
