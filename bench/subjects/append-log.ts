/** Appends to the embedded log as many producers at once, as `limits/append-file.ts` does to a plain file. */
import { systemClock, silentLogger, systemRandom } from '../../src/event/index.ts'
import { embedded } from '../../src/drivers/embedded/index.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'

const options = given<{ folder: string; producers: number; batch: number; bytes: number; seconds: number }>()
const system = await embedded(options.folder).open({
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})
const { log } = system
await log.topics.create('t', { partitions: 8 })
const value = Buffer.alloc(options.bytes, 'x')

let events = 0
let next = 0
async function produce(until: number): Promise<void> {
  while (performance.now() < until) {
    const records = Array.from({ length: options.batch }, () => ({
      value,
      headers: {},
      partition: next++ % 8,
    }))
    await log.append('t', records)
    events += options.batch
  }
}
const producers = (seconds: number): Promise<void[]> =>
  Promise.all(Array.from({ length: options.producers }, () => produce(performance.now() + seconds * 1000)))

await producers(options.seconds / 4)
events = 0
const before = system.space?.().usedBytes ?? 0
const watch = stopwatch()
await producers(options.seconds)
const outcome = watch.stop(events)
tell({ ...outcome, bytes: (system.space?.().usedBytes ?? 0) - before })
