/**
 * The consumer of drivers' locations on Kafka as it is commonly published: KafkaJS hands over message by message and commits
 * by itself, an id that is known is left out, what fails is tried again in place with a growing pause, and after the last
 * try it goes to a dead-letter topic. Each mistake stands beside the flag that cures it. At most 120 lines, like its models.
 */
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { Kafka, logLevel, type EachMessagePayload } from 'kafkajs'
import { Pool } from 'pg'
import { given, obeyParent } from '../process/in-process.ts'
import { serveStatus } from '../naive/serve-status.ts'

type Settings = { port: number; databaseUrl: string; brokers: string; flags: string[]; sessionMs: number }
const { port, databaseUrl, flags, sessionMs, ...settings } = given<Settings>()
const slowness = obeyParent()
const cured = new Set(flags)
// Timed out, and its errors handled: a database that dies would end this process otherwise, and the mistakes below would not show.
const pool = new Pool({
  connectionString: databaseUrl,
  max: 20,
  connectionTimeoutMillis: 2_000,
  query_timeout: 2_000,
})
pool.on('error', () => {})
pool.on('connect', client => client.on('error', () => {}))

const [TOPIC, DEAD, GROUP] = ['locations', 'locations.dlq', 'positions'] as const
const brokers = settings.brokers.split(',')
const kafka = new Kafka({ clientId: 'positions', brokers, logLevel: logLevel.ERROR })
const [admin, producer] = [kafka.admin(), kafka.producer()]
const consumer = kafka.consumer({ groupId: GROUP, sessionTimeout: sessionMs })

type Location = { id: string; payload: string; driver: string; speed: number; lat: number; lon: number }

async function save(event: Location): Promise<void> {
  if (cured.has('inbox')) return saveOnce(event)
  // MISTAKE, cured by `inbox`: the look-up, the row and the sum are three transactions. What dies behind the row finds the
  // id known when the message comes again, and its sum is never written; two that look at once both insert.
  const known = await pool.query('select 1 from drivers.positions where id = $1', [event.id])
  if (known.rowCount === 0) await write(pool, event)
}

async function write(db: Pick<Pool, 'query'>, event: Location): Promise<void> {
  const { id, driver, speed, payload, lat, lon } = event
  const row = 'insert into drivers.positions (id, driver, speed, payload) values ($1, $2, $3, $4)'
  const sum = `insert into drivers.latest as kept (driver, lat, lon, top_speed, at, updates) values ($1, $2, $3, $4, now(), 1)
    on conflict (driver) do update set lat = $2, lon = $3, top_speed = greatest(kept.top_speed, $4), at = now(), updates = kept.updates + 1`
  await db.query(row, [id, driver, speed, payload])
  await db.query(sum, [driver, lat, lon, speed])
}

async function saveOnce(event: Location): Promise<void> {
  const client = await pool.connect()
  let failure: Error | undefined
  try {
    await client.query('begin')
    const remember = 'insert into drivers.inbox (id) values ($1) on conflict do nothing'
    if ((await client.query(remember, [event.id])).rowCount === 1) await write(client, event)
    await client.query('commit')
  } catch (error) {
    failure = error as Error
    throw error
  } finally {
    client.release(failure)
  }
}

const TRIES = 5
let deadLetters = 0

async function eachMessage(delivery: EachMessagePayload): Promise<void> {
  const { message } = delivery
  const payload = String(message.value)
  const event = { ...(JSON.parse(payload) as Location), id: String(message.headers?.['ce_id']), payload }
  await slowness()
  for (let tries = 1; ; tries++) {
    try {
      return await save(event)
    } catch (error) {
      // MISTAKE, cured by `outage-waits`: that the database is away is counted as a fault of the message. Every message that is
      // tried meanwhile fails as often as it may and becomes a dead letter with nothing wrong in it, and later ones of its
      // key go past it.
      const isBad = /^2[23]/.test((error as { code?: string }).code ?? '')
      if (tries >= TRIES && (isBad || !cured.has('outage-waits'))) {
        const { key, value, headers = {} } = message
        await producer.send({
          topic: DEAD,
          messages: [{ key, value, headers: { ...headers, error: String(error) } }],
        })
        deadLetters++
        return
      }
      await wait(Math.min(2_000, 100 * 2 ** (tries - 1)))
      await delivery.heartbeat()
    }
  }
}

/** Messages behind the committed positions. */
async function lag(): Promise<number> {
  const [ends, [committed]] = await Promise.all([
    admin.fetchTopicOffsets(TOPIC),
    admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] }),
  ])
  const at = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  return ends.reduce(
    (sum, { partition, low, high }) => sum + Number(high) - Math.max(Number(low), at.get(partition) ?? 0),
    0,
  )
}

await Promise.all([admin.connect(), producer.connect(), consumer.connect()])
await admin.createTopics({ topics: [{ topic: DEAD }] })
await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
await consumer.run({ eachMessage })
await serveStatus(port, async () => ({ lag: await lag(), deadLetters }))
process.once('SIGTERM', () => void consumer.disconnect().then(() => process.exit()))
