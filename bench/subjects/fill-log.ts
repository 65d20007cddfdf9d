/** Fills a log with events that wait to be consumed. */
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { appendEvents } from './events.ts'
import { logAt, topicAt, type Place } from './place.ts'

const { events, ...place } = given<Place & { events: number }>()
const system = await logAt(place).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
const { name, partitions } = topicAt(place)
await system.log.topics.create(name, { partitions })
await appendEvents(system.log, events, name)
const usedBytes = system.space?.().usedBytes ?? 0
await system.close()
tell({ bytesPerEvent: usedBytes / events })
