/** What many teams write: Express takes the event, KafkaJS sends it, and the answer waits for all replicas. */
import process from 'node:process'
import type { AddressInfo } from 'node:net'
import express, { type Response } from 'express'
import { Kafka, logLevel } from 'kafkajs'
import { given, tell } from '../frame/stopwatch.ts'

const { brokers } = given<{ brokers: string }>()
const kafka = new Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: logLevel.ERROR })
const topic = `bench-${process.pid}`
const admin = kafka.admin()
await admin.connect()
await admin.createTopics({ topics: [{ topic, numPartitions: 8 }], waitForLeaders: true })
const producer = kafka.producer()
await producer.connect()

interface Posted {
  readonly id: string
  readonly data: { readonly vehicle: string }
}

/** A send that fails ends the process: an answer without it would count. */
async function store(event: Posted, response: Response): Promise<void> {
  const messages = [{ key: event.data.vehicle, value: JSON.stringify(event) }]
  await producer.send({ topic, acks: -1, messages })
  response.status(202).json({ id: event.id })
}

const app = express()
app.disable('x-powered-by')
app.use(express.json())
app.post('/', (request, response) => void store(request.body as Posted, response))
const server = app.listen(0, '127.0.0.1', () =>
  tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }),
)
server.keepAliveTimeout = 65_000

process.once('SIGTERM', () => {
  void admin.deleteTopics({ topics: [topic] }).finally(() => process.exit())
})
