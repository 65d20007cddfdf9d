/** The limit of consuming: reads every partition of the log in a loop, takes each value for JSON, and keeps nothing. */
import { offset, silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { logAt, type Place } from '../subjects/place.ts'

const { warm, events, topic = '', ...place } = given<Place & { warm: number; events: number }>()
const { log } = await logAt(place).open({
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})
const signal = new AbortController().signal
const decoder = new TextDecoder('utf-8', { fatal: true })

let handled = 0
let watch: ReturnType<typeof stopwatch> | undefined
function handle(value: unknown): void {
  if (value === undefined) throw new Error('no value')
  handled++
  if (handled === warm) watch = stopwatch()
  if (handled === warm + events && watch) tell(watch.stop(events))
}

async function readPartition(partition: number): Promise<void> {
  let from = offset(0)
  for (;;) {
    const limits = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 0 }
    const { records, next } = await log.read({ topic, partition, offset: from }, limits, signal)
    if (records.length === 0) return
    for (const { value } of records) handle(value && JSON.parse(decoder.decode(value)))
    from = next
  }
}
const { partitions = 0 } = (await log.topics.describe(topic)) ?? {}
await Promise.all(Array.from({ length: partitions }, (_, partition) => readPartition(partition)))
