/**
 * A shop whose collector gives back what its spool has set aside, and which a test kills within that:
 *
 *   node --conditions=holdfast-source test/apps/gives-back.ts '{"brokers":["127.0.0.1:9092"],"topic":"orders","folder":"/tmp/x","database":"postgres://…","large":5000,"holdAfter":20}'
 *
 * It says `up {"door":PORT,"admin":PORT}`, and `holding` when so many large events are stored in the log: nobody hears of the
 * last of them, and nothing more is sent.
 */
import process from 'node:process'
import { app, kafka, postgres, topic, type LogDriver } from 'holdfast'
import { processLogger, run } from 'holdfast/server'
import { z } from 'zod'

export interface GivesBackOptions {
  readonly brokers: readonly string[]
  readonly topic: string
  /** Of the spool. */
  readonly folder: string
  readonly database: string
  /** Events of more bytes are large. */
  readonly large: number
  /** Defaults to never. */
  readonly holdAfter?: number
}

const options = JSON.parse(process.argv[2] ?? '{}') as GivesBackOptions
const orders = topic(options.topic, {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string() }) },
})
const logger = processLogger({ to: process.stderr, now: Date.now })
const shop = app({
  name: 'shop',
  log: holding(
    kafka({ brokers: options.brokers, deliveryTimeout: '10s', groups: { session: '6s', beat: '1s' } }),
    options,
  ),
  db: postgres(options.database),
  logger,
})
shop.consumer('billing', orders, { from: 'earliest' }).effect('placed', async ({ id }, tx) => {
  await tx.query('insert into billed (id) values ($1)', [id])
})
shop.collector({
  port: 0,
  topics: [orders],
  keys: { pk_demo: { tenant: 't1' } },
  lameDuckMs: 0,
  spool: { folder: options.folder, minFreeBytes: 0, patience: '100ms' },
})
const { adminUrl, ended } = await run(shop, { admin: { port: 0 }, logger })
const ports = { door: shop.door.port, admin: Number(new URL(adminUrl).port) }
process.stdout.write(`up ${JSON.stringify(ports)}\n`)
process.exitCode = await ended

/** A way to the log that ends behind so many large events. */
function holding(driver: LogDriver, { large, holdAfter }: GivesBackOptions): LogDriver {
  const open: LogDriver['open'] = async env => {
    const system = await driver.open(env)
    const { log } = system
    let stored = 0
    const append: typeof log.append = async (topic, records) => {
      const outcomes = await log.append(topic, records)
      stored += records.filter(({ value }) => (value?.length ?? 0) > large).length
      if (stored !== holdAfter) return outcomes
      process.stdout.write('holding\n')
      return await new Promise(() => {})
    }
    const held = new Proxy(log, {
      get(of, name) {
        if (name === 'append') return append
        const found: unknown = Reflect.get(of, name)
        return typeof found === 'function' ? (found.bind(of) as unknown) : found
      },
    })
    return { ...system, log: held }
  }
  return { ...driver, open }
}
