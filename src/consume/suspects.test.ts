import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { keptOpen } from '../../test/support/kept-open.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { until } from '../../test/support/wait.ts'
import { offset, silentLogger, systemClock, systemRandom, type NewRecord } from '../event/index.ts'
import { encodeLaneRecord, laneTopicOf } from '../recover/lane/lane-codec.ts'
import { neverRan } from '../recover/lane/key-queue.ts'
import { topic } from '../schema/index.ts'
import { app } from '../server/app.ts'

const PARTITIONS = 4
const orders = topic('orders', {
  key: 'customer',
  partitions: PARTITIONS,
  events: { placed: z.object({ customer: z.string() }) },
})

describe('entries of a retry lane that a process has died of', () => {
  it('hazard 48: run one at a time in all partitions and groups of a process', async () => {
    const system = await anyLog().open({ clock: systemClock, random: systemRandom, logger: silentLogger })
    onTestFinished(() => system.close())
    const { log, groups } = system
    const shared = keptOpen(system)
    const sender = app({ name: 'sender', log: shared })
    await sender.start()
    for (let n = 0; n < 16; n++) await sender.publish(orders, 'placed', { customer: `c${n}` })
    await sender.stop()

    let suspects = 0
    for (const group of ['billing', 'mail'])
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const at = { topic: 'orders', partition, offset: offset(0) }
        const { records, next } = await log.read(at, { maxRecords: 100, maxBytes: 1e6, waitMs: 0 }, NEVER)
        const lane = laneTopicOf('orders', group)
        await log.topics.create(lane, { partitions: PARTITIONS })
        const parks = records.map(
          ({ offset: origin, key, headers, value, timestamp: time }, seq): NewRecord => {
            const state = { ...neverRan, attempts: 1, deaths: 1 }
            const event = { key, headers, value, time }
            const entry = { tenure: 'one that died', seq, generation: 0, origin, round: 0 }
            return encodeLaneRecord({ kind: 'park', ...entry, state, event }, partition)
          },
        )
        await log.append(lane, parks)
        await groups.move(group, [{ ...at, offset: next }])
        suspects += parks.length
      }
    expect(suspects).toBe(32)

    const shop = app({ name: 'shop', log: shared })
    onTestFinished(() => shop.stop({ drain: '0ms' }))
    let running = 0
    let together = 0
    let done = 0
    for (const group of ['billing', 'mail'])
      shop.consumer(group, orders, { from: 'earliest' }).on('placed', async () => {
        together = Math.max(together, ++running)
        for (let turn = 0; turn < 10; turn++) await turnOfLoop() // whoever else may begin does so meanwhile
        running--
        done++
      })
    await shop.start()
    await until(() => done === suspects)
    expect(together).toBe(1)
  })
})

const NEVER = AbortSignal.any([])
