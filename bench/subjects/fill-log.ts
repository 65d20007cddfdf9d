/** Fills a log with events that wait to be consumed. */
import { embedded } from '../../src/drivers/embedded/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { appendEvents } from './events.ts'
import { vehicles } from './vehicles.ts'

const { folder, events } = given<{ folder: string; events: number }>()
const system = await embedded(folder).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
await system.log.topics.create(vehicles.name, { partitions: vehicles.partitions })
await appendEvents(system.log, events)
const usedBytes = system.space?.().usedBytes ?? 0
await system.close()
tell({ bytesPerEvent: usedBytes / events })
