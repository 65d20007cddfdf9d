import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { until } from '../../test/harness/until.ts'
import { testDatabase } from '../../test/postgres.ts'
import { embedded } from '../drivers/embedded/index.ts'
import { postgres } from '../drivers/postgres/index.ts'
import { topic } from '../schema/index.ts'
import { app } from './app.ts'

const database = testDatabase()
const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string() }) },
})

it('measures transactions, connections and the size of the log', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-metrics-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const a = app({ name: 'shop', log: embedded(folder), db: postgres(database.url, { maxConnections: 1 }) })
  const door = Promise.withResolvers<void>()
  for (const group of ['one', 'two'])
    a.consumer(group, orders, { from: 'earliest' }).effect('placed', () => door.promise)
  await a.start()
  onTestFinished(() => a.stop())
  const series = async (name: string): Promise<number> => {
    const lines = (await a.admin.metrics.text()).split('\n')
    return Number(
      lines
        .find(line => line.startsWith(`${name} `))
        ?.split(' ')
        .at(-1),
    )
  }
  expect(await series('sink_batch_events_count{sink="postgres"}')).toBe(0)

  await a.publish(orders, 'placed', { customer: 'c' })
  expect(await series('log_size_bytes{topic="orders"}')).toBeGreaterThan(10)
  await until(
    'one has the connection and the other waits for it',
    async () => (await series('db_connection_pool_waiting{pool="work"}')) === 1,
  )
  expect(await series('db_connection_pool_size{pool="work",state="busy"}')).toBe(1)
  door.resolve()
  await until('both are done', async () =>
    (await a.groups()).every(({ lag, parked }) => lag === 0n && parked === 0),
  )
  expect(await series('db_connection_pool_waiting{pool="work"}')).toBe(0)
  expect(await series('db_connection_pool_size{pool="work",state="busy"}')).toBe(0)
  expect(await series('sink_batch_events_sum{sink="postgres"}')).toBe(2)
  expect(await series('sink_flush_duration_seconds_count{sink="postgres"}')).toBe(2)
})
