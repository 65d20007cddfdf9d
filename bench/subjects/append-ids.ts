/** Appends events with ids as many producers at once, while the index of ids is made, or is not. */
import { embedded } from '../../src/drivers/embedded/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { idEvent, PARTITIONS } from './id-events.ts'

const { folder, producers, batch, seconds, indexed } = given<{
  folder: string
  producers: number
  batch: number
  seconds: number
  indexed: boolean
}>()
const options = indexed ? { idIndexInterval: '500ms' as const } : { idIndexBytes: 0 }
const system = await embedded(folder, options).open({
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})
await system.log.topics.create('t', { partitions: PARTITIONS })
let events = 0
async function produce(until: number): Promise<void> {
  while (performance.now() < until) {
    const from = events
    events += batch
    await system.log.append(
      't',
      Array.from({ length: batch }, (_, i) => idEvent(from + i)),
    )
  }
}
const all = (seconds: number): Promise<void[]> =>
  Promise.all(Array.from({ length: producers }, () => produce(performance.now() + seconds * 1_000)))
await all(2)
const before = events
const watch = stopwatch()
await all(seconds)
const outcome = watch.stop(events - before)
if (indexed) {
  const signal = new AbortController().signal
  const found = await system.findId?.('nobody', { as: ['id'], limit: 1, patienceMs: 0, signal })
  if (!found || found.searched.events === 0n) throw new Error('the index was not made meanwhile')
}
tell(outcome)
