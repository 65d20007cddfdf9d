/** Fills a log with events that wait to be consumed. */
import { randomUUID } from 'node:crypto'
import { embedded } from '../../src/drivers/embedded/index.ts'
import { encodeEvent, silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import type { AppendRecord } from '../../src/log/index.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { dataOf, vehicles } from './vehicles.ts'

const { folder, events } = given<{ folder: string; events: number }>()
const system = await embedded(folder).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
await system.log.topics.create(vehicles.name, { partitions: vehicles.partitions })

function record(n: number): AppendRecord {
  const data = dataOf(n)
  return encodeEvent({
    id: randomUUID(),
    source: '/bench',
    type: 'moved',
    version: 1,
    time: undefined,
    acceptedAt: systemClock.now(),
    extensions: {},
    key: data.vehicle,
    data: Buffer.from(JSON.stringify(data)),
  })
}

const BATCH = 1_000
for (let n = 0; n < events; n += BATCH) {
  const size = Math.min(BATCH, events - n)
  await system.log.append(
    vehicles.name,
    Array.from({ length: size }, (_, i) => record(n + i)),
  )
}
const usedBytes = system.space?.().usedBytes ?? 0
await system.close()
tell({ bytesPerEvent: usedBytes / events })
