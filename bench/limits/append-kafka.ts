/**
 * The limit of an append on Kafka: the producer of the client library, acknowledged by all copies. `each` sends every batch by
 * itself, as it is usually written. `together` sends what came while the last request was under way as the next one, which
 * is what a careful engineer writes when the broker is the bottleneck.
 */
import { Producer, ProduceAcks } from '@platformatic/kafka'
import { produceInALoop, type Producers } from '../frame/producers.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { eventRecord } from '../subjects/events.ts'
import { createTopic } from '../subjects/kafka-topic.ts'

const options = given<Producers & { brokers: string; topic: string; sends: 'each' | 'together' }>()
const { brokers, topic, batch } = options
await createTopic(options)
const producer = new Producer({ clientId: 'bench', bootstrapBrokers: brokers.split(',') })

/** Made before time counts, and never copied by us. */
const messages = Array.from({ length: 10_000 }, (_, n) => {
  const { key = '', value, headers } = eventRecord(n)
  const entries = Object.entries(headers).map(([name, text]): [Buffer, Buffer] => [
    Buffer.from(name),
    Buffer.from(text),
  ])
  return { topic, key: Buffer.from(key), value: value as Buffer, headers: new Map(entries) }
})
type Message = (typeof messages)[number]

let next = 0
const batchOf = (): Message[] =>
  Array.from({ length: batch }, () => messages[next++ % messages.length] as Message)

const send = (messages: Message[]): Promise<unknown> => producer.send({ messages, acks: ProduceAcks.ALL })

let waiting: Message[] = []
let stored = Promise.withResolvers<void>()
let sending = false

function append(): Promise<unknown> {
  waiting.push(...batchOf())
  if (!sending) void sendAll()
  return stored.promise
}

async function sendAll(): Promise<void> {
  sending = true
  await Promise.resolve() // whoever appends in this turn is in it
  while (waiting.length > 0) {
    const [group, answered] = [waiting, stored]
    waiting = []
    stored = Promise.withResolvers<void>()
    await send(group)
    answered.resolve()
    await new Promise(setImmediate) // those who were answered append again
  }
  sending = false
}

tell(await produceInALoop(options, options.sends === 'each' ? () => send(batchOf()) : append))
