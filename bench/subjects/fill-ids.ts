/** Fills a log with events whose ids clients chose, and waits until the index of ids has caught up. */
import { embedded } from '../../src/drivers/embedded/index.ts'
import { silentLogger, sleep, systemClock, systemRandom } from '../../src/event/index.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { idEvent, PARTITIONS } from './id-events.ts'

const { folder, events } = given<{ folder: string; events: number }>()
const BATCH = 1_000
const system = await embedded(folder).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
await system.log.topics.create('t', { partitions: PARTITIONS })
for (let n = 0; n < events; n += BATCH * 4) {
  const batches = [0, 1, 2, 3].map(i => n + i * BATCH).filter(from => from < events)
  await Promise.all(
    batches.map(from =>
      system.log.append(
        't',
        Array.from({ length: BATCH }, (_, i) => idEvent(from + i)),
      ),
    ),
  )
}
const signal = new AbortController().signal
const options = { as: ['id'], limit: 1, patienceMs: 0, signal } as const
for (;;) {
  const found = await system.findId?.('nobody', options)
  const left = found?.unsearched.reduce((sum, { from, to }) => sum + (to - from), 0n) ?? 0n
  if (left < 50_000n) break
  await sleep(systemClock, 1_000)
}
await system.close()
tell({ events })
