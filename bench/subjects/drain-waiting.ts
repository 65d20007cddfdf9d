/** An empty handler that meets a few waiting events again and again; only the time of draining them counts. */
import { app, embedded } from 'holdfast'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { appendEvents } from './events.ts'
import { vehicles } from './vehicles.ts'

const { folder, waiting, times } = given<{ folder: string; waiting: number; times: number }>()
const bench = app({ name: 'bench', log: embedded(folder) })
let left = 0
let began = 0
let drained = Promise.withResolvers<void>()
bench.consumer('small', vehicles, { from: 'earliest' }).on('moved', () => {
  // The first one ends the way back into the group, which is not what is measured.
  if (left === waiting) began = performance.now()
  if (--left === 0) drained.resolve()
})
await bench.start()

async function drainOnce(): Promise<number> {
  drained = Promise.withResolvers()
  left = waiting
  await bench.group('small').pause('they gather')
  await appendEvents(bench.system.log, waiting)
  await bench.group('small').resume()
  await drained.promise
  return (performance.now() - began) / 1000
}

for (let n = 0; n < 5; n++) await drainOnce()
const watch = stopwatch()
let seconds = 0
for (let n = 0; n < times; n++) seconds += await drainOnce()
tell({ ...watch.stop(waiting * times), seconds })
