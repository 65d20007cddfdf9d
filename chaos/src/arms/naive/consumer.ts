/**
 * The consumer of drivers' locations as it is commonly published: subscribe, a circuit breaker around the database, look
 * whether the id is known, insert, log what goes wrong. Each mistake stands beside the flag that cures it. At most 120
 * lines, like its models.
 */
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'pg'
import { noVehicles, vehiclesAt } from '../../../../examples/drivers/src/vehicles.ts'
import { given, obeyParent } from '../process/in-process.ts'
import { consume, type Message } from './each-message.ts'
import { serveStatus } from './serve-status.ts'

const settings = given<{
  port: number
  databaseUrl: string
  log: string
  flags: string[]
  resetMs: number
  cacheUrl?: string
}>()
const slowness = obeyParent()
const cured = new Set(settings.flags)
const vehicles = settings.cacheUrl ? vehiclesAt(settings.cacheUrl) : noVehicles
// Timed out, and its errors handled: a database that dies would end this process otherwise, and the mistakes below would not show.
const pool = new Pool({
  connectionString: settings.databaseUrl,
  max: 20,
  connectionTimeoutMillis: 2_000,
  query_timeout: 2_000,
})
pool.on('error', () => {})
pool.on('connect', client => client.on('error', () => {}))

const FAILURES = 5
const circuit = { state: 'CLOSED' as 'CLOSED' | 'OPEN' | 'HALF_OPEN', failures: 0, openUntil: 0 }

async function throughBreaker(work: () => Promise<void>): Promise<void> {
  if (circuit.state === 'OPEN' && Date.now() < circuit.openUntil) {
    // MISTAKE, cured by `breaker-pauses`: an open breaker rejects message by message, and so burns through the log at full
    // speed for as long as the database is away. It is written for requests, whose callers hear of it; a message has none.
    if (!cured.has('breaker-pauses')) throw new Error('circuit breaker is open')
    while (Date.now() < circuit.openUntil) await wait(50)
  }
  if (circuit.state === 'OPEN') circuit.state = 'HALF_OPEN'
  try {
    await work()
    Object.assign(circuit, { state: 'CLOSED', failures: 0 })
  } catch (error) {
    circuit.failures++
    if (circuit.state === 'HALF_OPEN' || circuit.failures >= FAILURES) {
      Object.assign(circuit, { state: 'OPEN', openUntil: Date.now() + settings.resetMs })
    }
    throw error
  }
}

type Location = { id: string; payload: string; driver: string; speed: number; lat: number; lon: number }

async function save(event: Location): Promise<void> {
  const vehicle = await vehicles.vehicleOf(event.driver, AbortSignal.timeout(2_000))
  if (cured.has('inbox')) return saveOnce(event, vehicle)
  // MISTAKE, cured by `inbox`: the look-up, the row and the sum are three transactions. What dies behind the row finds the
  // id known when the message comes again, and its sum is never written; two that look at once both insert.
  const known = await pool.query('select 1 from drivers.positions where id = $1', [event.id])
  if (known.rowCount === 0) await write(pool, event, vehicle)
}

async function write(db: Pick<Pool, 'query'>, event: Location, vehicle: string | undefined): Promise<void> {
  const { id, driver, speed, payload, lat, lon } = event
  const row =
    'insert into drivers.positions (id, driver, speed, payload, vehicle) values ($1, $2, $3, $4, $5)'
  const sum = `insert into drivers.latest as kept (driver, lat, lon, top_speed, at, updates) values ($1, $2, $3, $4, now(), 1)
    on conflict (driver) do update set lat = $2, lon = $3, top_speed = greatest(kept.top_speed, $4), at = now(), updates = kept.updates + 1`
  await db.query(row, [id, driver, speed, payload, vehicle])
  await db.query(sum, [driver, lat, lon, speed])
}

async function saveOnce(event: Location, vehicle: string | undefined): Promise<void> {
  const client = await pool.connect()
  let failure: Error | undefined
  try {
    await client.query('begin')
    const remember = 'insert into drivers.inbox (id) values ($1) on conflict do nothing'
    if ((await client.query(remember, [event.id])).rowCount === 1) await write(client, event, vehicle)
    await client.query('commit')
  } catch (error) {
    failure = error as Error
    throw error
  } finally {
    client.release(failure)
  }
}

async function eachMessage({ value, headers }: Message): Promise<void> {
  const event = { ...(JSON.parse(value) as Location), id: headers['ce_id'] ?? '', payload: value }
  await slowness()
  try {
    await throughBreaker(() => save(event).catch((error: unknown) => buryBadData(event, error)))
  } catch (error) {
    // MISTAKE, cured by `commit-after-success`: the error is logged, the message counts as handled, and the position, which
    // auto-commit has stored when the message was delivered, is behind it for ever.
    if (cured.has('commit-after-success')) throw error
    process.stderr.write(`cannot save ${event.id}: ${String(error)}\n`)
  }
}

/** MISTAKE, cured by `dead-letters`: an event that the database refuses is swallowed as well, or tried again for ever. */
async function buryBadData({ id, payload }: Location, error: unknown): Promise<void> {
  const { code } = error as { code?: string }
  if (!cured.has('dead-letters') || !/^2[23]/.test(code ?? '')) throw error
  await pool.query('insert into drivers.dead_letters (id, payload) values ($1, $2)', [id, payload])
}

const place = { folder: settings.log, topic: 'locations', group: 'positions' }
const commit = cured.has('commit-after-success') ? 'done' : 'delivered'
const consuming = await consume(place, { eachMessage, commit })
await serveStatus(settings.port, async () => ({ ...(await consuming.lag()), breaker: circuit.state }))
process.once('SIGTERM', () => void consuming.stop().then(() => process.exit()))
