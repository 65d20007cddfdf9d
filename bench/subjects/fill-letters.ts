/** Fills a log with events and a dead letter for each of them, of a few causes. */
import { embedded } from '../../src/drivers/embedded/index.ts'
import { offset, silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { deadTopicOf } from '../../src/recover/index.ts'
import { encodeLetter } from '../../src/recover/letters/letter-record.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { appendEvents } from './events.ts'
import { vehicles } from './vehicles.ts'

const { folder, group, letters } = given<{ folder: string; group: string; letters: number }>()
const { name: topic, partitions } = vehicles
const dead = deadTopicOf(topic, group)
const system = await embedded(folder).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
const { log } = system
await log.topics.create(topic, { partitions })
await log.topics.create(dead, { partitions })
await appendEvents(log, letters)

/** As long as most: the stack of a handler behind a library or two. */
const stack = Array.from(
  { length: 12 },
  (_, n) => `    at handle${n} (/srv/app/src/groups/billing.ts:${n}:7)`,
)
for (let partition = 0; partition < partitions; partition++) {
  const limits = { maxRecords: 1_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 }
  const signal = new AbortController().signal
  for (let from = offset(0); ;) {
    const page = await log.read({ topic, partition, offset: from }, limits, signal)
    if (page.records.length === 0) break
    await log.append(
      dead,
      page.records.map(record => {
        const at = Date.now()
        const name = `${['Range', 'Type', 'Syntax'][Number(record.offset) % 3]}Error`
        const message = `there is no vehicle ${record.offset}`
        const failure = {
          name,
          code: undefined,
          message,
          stack: [`${name}: ${message}`, ...stack].join('\n'),
          at,
        }
        return encodeLetter(record, {
          group,
          reason: 'attempts',
          attempts: 4,
          first: failure,
          last: failure,
          diedAt: at,
        })
      }),
    )
    from = page.next
  }
}
await system.close()
tell({ letters })
