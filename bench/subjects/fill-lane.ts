/** Fills a partition whose group was left with parked events that are not due for an hour. */
import { embedded } from '../../src/drivers/embedded/index.ts'
import { offset, silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import type { OwnedPartition } from '../../src/log/index.ts'
import { describeFailure } from '../../src/recover/index.ts'
import { encodeLaneRecord, encodeNote, laneTopicOf } from '../../src/recover/lane/index.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { eventRecord } from './events.ts'
import { parked } from './vehicles.ts'

const { folder, parks } = given<{ folder: string; parks: number }>()
const GROUP = 'rows'
const BATCH = 1_000
const TENURE = 'before'

const system = await embedded(folder).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
const { log, groups } = system
const lane = laneTopicOf(parked.name, GROUP)
for (const topic of [parked.name, lane]) await log.topics.create(topic, { partitions: 1 })

const written = { tenure: TENURE, generation: 0, round: 0 }
const fence = { kind: 'fence', tenure: TENURE, seq: 0, topic: parked.name, group: GROUP } as const
await log.append(lane, [encodeLaneRecord(fence, 0)])
const failure = describeFailure(new Error('not now'), Date.now())
const state = {
  attempts: 1,
  dueAt: Date.now() + 3_600_000,
  deaths: 0,
  final: undefined,
  first: failure,
  last: failure,
}
for (let from = 0; from < parks; from += BATCH) {
  const events = Array.from({ length: BATCH }, (_, i) => eventRecord(from + i))
  await log.append(parked.name, events)
  const records = events.map(({ key, headers, value }, i) => {
    const origin = offset(from + i)
    const event = { key, headers, value, time: Date.now() }
    return encodeLaneRecord({ kind: 'park', ...written, seq: 1 + from + i, origin, state, event }, 0)
  })
  await log.append(lane, records)
}

const { promise, resolve } = Promise.withResolvers<OwnedPartition>()
const membership = await groups.join(GROUP, [parked.name], {
  name: 'filler',
  assigned: ([owned]) => owned && resolve(owned),
  revoking: async () => {},
  lost: () => {},
})
const note = encodeNote({
  lane: offset(0),
  tenures: [{ id: TENURE, fence: offset(0), main: offset(0), released: true }],
})
const [outcome] = await groups.commit(GROUP, [{ ...(await promise), offset: offset(parks), note }])
if (outcome?.kind !== 'committed') throw new Error('the position was not stored')
await membership.leave()
await system.close()
tell({ topic: lane })
