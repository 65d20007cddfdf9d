/** Takes over a partition with many parked events: from the start of the app to the first new event. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { app, embedded } from 'holdfast'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { dataOf, parked } from './vehicles.ts'

const { folder, parks } = given<{ folder: string; parks: number }>()
const bench = app({ name: 'bench', log: embedded(folder) })
const { promise: first, resolve } = Promise.withResolvers<void>()
bench.consumer('rows', parked, { from: 'earliest' }).on('moved', () => resolve())
const pauses = monitorEventLoopDelay({ resolution: 10 })
pauses.enable()
const watch = stopwatch()
await bench.start()
await bench.publish(parked, 'moved', { ...dataOf(0), vehicle: 'new' })
await first
tell({ ...watch.stop(parks), pauseMs: pauses.max / 1e6 })
await bench.stop()
