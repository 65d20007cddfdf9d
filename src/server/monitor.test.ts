import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { until } from '../../test/harness/until.ts'
import { boundLog } from '../../test/support/bound-log.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { memory } from '../drivers/memory/index.ts'
import { HoldfastError } from '../event/index.ts'
import type { LogDriver } from '../log/index.ts'
import { topic } from '../schema/index.ts'
import { app } from './app.ts'
import type { StatusReport } from './status-report.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 2,
  events: { placed: z.object({ customer: z.string(), cents: z.number() }) },
})

describe('what an app says of itself', () => {
  it('tells of its own topics alone where the log is shared with others, and asks for no other', async () => {
    const a = app({ name: 'shop', log: withOthers() })
    a.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
    await a.start()
    try {
      await a.group('billing').pause('so that there is a topic of decisions')
      expect(await a.system.log.topics.list()).toContain('others')
      const told = (await a.admin.metrics.text()).matchAll(/^log_end_offset{topic="([^"]*)",partition="0"}/gm)
      expect(new Set([...told].map(([, name]) => name))).toEqual(
        new Set(['hf.groups', 'orders', 'orders.billing.dead', 'orders.billing.retry']),
      )
    } finally {
      await a.stop()
    }
  })

  it('has every counter at 0 before the first event, and counts each event and letter once', async () => {
    const heard: string[] = []
    const a = app({
      name: 'shop',
      log: anyLog(),
      observer: {
        attempted: ({ result, count }) => heard.push(...Array.from({ length: count }, () => result)),
      },
    })
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', event => {
      if (event.data.cents < 0) throw new RangeError(`cents must not be negative, got ${event.data.cents}`)
    })
    await a.start()
    try {
      const before = await a.admin.metrics.text()
      for (const series of [
        'events_published_total{topic="orders",source="sdk"} 0',
        'events_processed_total{topic="orders",group="billing",result="ok"} 0',
        'dead_letters_total{topic="orders",group="billing",reason="attempts"} 0',
        'dead_letter_messages{topic="orders",group="billing"} 0',
        'consumer_group_members{group="billing"} 1',
      ]) {
        expect(before).toContain(series)
      }

      for (const cents of [5, -7, 9]) await a.publish(orders, 'placed', { customer: 'c1', cents })
      await until('all three done', async () =>
        (await a.groups()).every(({ lag, parked }) => lag === 0n && parked === 0),
      )

      const after = await a.admin.metrics.text()
      expect(after).toContain('events_published_total{topic="orders",source="sdk"} 3')
      expect(after).toContain('events_processed_total{topic="orders",group="billing",result="ok"} 2')
      expect(after).toContain('dead_letter_messages{topic="orders",group="billing"} 1')
      expect(heard.filter(result => result === 'ok')).toHaveLength(2)

      const report = await a.admin.report()
      expect(report.ready).toEqual({ ready: true })
      const { kind, durability } = a.system.log
      expect(report.log).toEqual({ kind, durability })
      expect(report.letters).toMatchObject([
        { group: 'billing', topic: 'orders', key: 'c1', message: 'cents must not be negative, got -7' },
      ])
      expect(report.standing.groups[0]?.partitions).toHaveLength(2)
    } finally {
      await a.stop()
    }
    expect(await a.admin.ready()).toEqual({ ready: false, reason: 'the app is stopped' })
  })

  it('counts how replays of letters end, and says since when the oldest open one is there', async () => {
    const a = app({ name: 'shop', log: anyLog() })
    let mended = false
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', event => {
      if (!mended || event.data.cents < 0) throw new RangeError(`order ${event.data.cents}`)
    })
    await a.start()
    try {
      for (const cents of [1, -2]) await a.publish(orders, 'placed', { customer: `c${cents}`, cents })
      const dead = a.dead('billing')
      await until('both dead', async () => (await dead.stats()).open === 2)
      const series = async (name: string): Promise<number> =>
        Number(new RegExp(`^${name}{[^}]*} (.*)$`, 'm').exec(await a.admin.metrics.text())?.[1])
      const { oldestOpen = 0 } = await dead.stats()
      expect(await series('dead_letter_oldest_timestamp_seconds')).toBe(oldestOpen / 1_000)

      mended = true
      expect(await dead.replay({})).toMatchObject({ resolved: 1, diedAgain: [expect.any(String)] })
      const text = await a.admin.metrics.text()
      expect(text).toContain('dead_letter_replays_total{topic="orders",group="billing",result="ok"} 1')
      expect(text).toContain(
        'dead_letter_replays_total{topic="orders",group="billing",result="dead_lettered"} 1',
      )
      expect(await dead.discard({}, { reason: 'a test' })).toMatchObject({ accepted: 1 })
      expect(await series('dead_letter_oldest_timestamp_seconds')).toBe(0)
    } finally {
      await a.stop()
    }
  })

  it('shows the newest letters, newest first, and not all of them', async () => {
    const a = app({ name: 'shop', log: anyLog() })
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', event => {
      throw new RangeError(`order ${event.data.cents}`)
    })
    await a.start()
    try {
      for (let cents = 1; cents <= 12; cents++) await a.publish(orders, 'placed', { customer: 'c1', cents })
      await until('all dead', async () =>
        (await a.groups()).every(({ lag, parked }) => lag === 0n && parked === 0),
      )
      const { letters } = await a.admin.report()
      expect(letters.map(({ message }) => message)).toEqual([12, 11, 10, 9, 8].map(cents => `order ${cents}`))
    } finally {
      await a.stop()
    }
  })

  it('counts what comes in over HTTP by route and status, and shows it as a rate', async () => {
    const a = app({ name: 'shop', log: anyLog() })
    a.collector({
      topics: [orders],
      keys: { pk_demo: { tenant: 'demo' } },
      plainKeysByFetch: true,
      lameDuckMs: 0,
    })
    await a.start()
    try {
      const post = (data: unknown): Promise<Response> =>
        a.door.fetch(
          new Request('http://localhost/v1/events', {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
            body: JSON.stringify({ type: 'placed', data }),
          }),
        )
      expect((await post({ customer: 'c1', cents: 5 })).status).toBe(202)
      expect((await post({ customer: 'c1' })).status).toBe(422)
      const text = await a.admin.metrics.text()
      for (const series of [
        'events_published_total{topic="orders",source="http"} 1',
        'collector_http_requests_total{route="/v1/events",status="202"} 1',
        'collector_http_requests_total{route="/v1/events",status="422"} 1',
        'schema_validation_failures_total{subject="orders/placed",reason="schema_violation"} 1',
      ]) {
        expect(text).toContain(series)
      }
    } finally {
      await a.stop()
    }
  })

  it('gives the time since a dependency went away, through every probe that fails meanwhile', async () => {
    const a = app({ name: 'shop', log: anyLog() })
    let probes = 0
    const away = new Error('geo is away')
    a.consumer('billing', orders, {
      from: 'earliest',
      needs: {
        geo: {
          probe: () => {
            probes += 1
            return Promise.reject(away)
          },
          breaker: { failures: 1, probeAfter: '10ms', probeMax: '20ms' },
        },
      },
      onError: () => ({ pause: 'geo' }),
    }).on('placed', () => {
      throw away
    })
    await a.start()
    try {
      const geo = async (): Promise<StatusReport['breakers'][number] | undefined> =>
        (await a.admin.report()).breakers.find(({ name }) => name === 'geo')
      expect(await geo()).toMatchObject({ state: 'CLOSED', everOpened: false })
      await a.publish(orders, 'placed', { customer: 'c1', cents: 1 })
      await until('the first probe has failed', () => probes > 0)
      const first = await geo()
      await until('more probes have failed', () => probes > 5)
      const later = await geo()
      expect(later?.everOpened).toBe(true)
      expect(later?.since).toBe(first?.since)
      expect(a.breakers().find(({ name }) => name === 'geo')?.transitions).toBeGreaterThan(5)
    } finally {
      await a.stop()
    }
  })
})

/** On other machines, with a topic of somebody else that may not be looked at. */
function withOthers(): LogDriver {
  const driver = memory()
  return {
    ...driver,
    remote: true,
    async open(env) {
      const system = await driver.open(env)
      const { topics } = system.log
      await topics.create('others', { partitions: 1 })
      const guarded: typeof topics = {
        create: (name, settings) => topics.create(name, settings),
        async describe(name) {
          if (name === 'others') throw new HoldfastError('LOG_DENIED', { detail: name })
          return topics.describe(name)
        },
        list: () => topics.list(),
        delete: name => topics.delete(name),
      }
      return { ...system, log: { ...boundLog(system.log), topics: guarded } }
    },
  }
}
