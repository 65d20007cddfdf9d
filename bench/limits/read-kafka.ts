/** The limit of consuming from Kafka: the consumer of the client library takes each value for JSON, and keeps nothing. */
import { Consumer, MessagesStreamModes } from '@platformatic/kafka'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'

const { brokers, topic, group, warm, events } = given<{
  brokers: string
  topic: string
  group: string
  warm: number
  events: number
}>()
const consumer = new Consumer({ clientId: 'bench', groupId: group, bootstrapBrokers: brokers.split(',') })
// Positions are committed once a second, so that they cost next to nothing.
const stream = await consumer.consume({
  topics: [topic],
  mode: MessagesStreamModes.EARLIEST,
  autocommit: 1_000,
})

let handled = 0
let watch: ReturnType<typeof stopwatch> | undefined
stream.on('data', ({ value }) => {
  const data: unknown = JSON.parse(value.toString())
  if (data === undefined) throw new Error('no value')
  handled++
  if (handled === warm) watch = stopwatch()
  if (handled === warm + events && watch) tell(watch.stop(events))
})
stream.on('error', error => {
  throw error
})
