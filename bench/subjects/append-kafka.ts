/** Appends to a Kafka as many producers at once, as `limits/append-kafka.ts` does with the client library alone. */
import { kafka } from '../../src/drivers/kafka/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { produceInALoop, type Producers } from '../frame/producers.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { eventRecord } from './events.ts'
import { createTopic } from './kafka-topic.ts'

const options = given<Producers & { brokers: string; topic: string }>()
const { brokers, topic, batch } = options
await createTopic(options)
const { log } = await kafka({ brokers }).open({
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})
const records = Array.from({ length: 10_000 }, (_, n) => eventRecord(n))

let next = 0
const batchOf = (): typeof records =>
  Array.from({ length: batch }, () => records[next++ % records.length] as (typeof records)[number])

tell(await produceInALoop(options, () => log.append(topic, batchOf())))
