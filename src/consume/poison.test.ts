import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { keptOpen } from '../../test/support/kept-open.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import {
  encodeEvent,
  HoldfastError,
  seededRandom,
  silentLogger,
  systemClock,
  type NewRecord,
} from '../event/index.ts'
import { app, type App } from '../server/app.ts'
import { topic } from '../schema/index.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 2,
  events: {
    placed: {
      version: 2,
      schema: z.object({ customer: z.string(), n: z.number() }),
      upcast: { 1: old => ({ ...old, n: 0 }) },
    },
    cancelled: z.object({ customer: z.string() }),
  },
})

function record(
  value: Uint8Array | null,
  over: { type?: string; version?: number; key?: string | undefined } = {},
): NewRecord {
  return encodeEvent({
    id: crypto.randomUUID(),
    source: '/test',
    type: over.type ?? 'placed',
    version: over.version ?? 2,
    time: undefined,
    acceptedAt: 1_700_000_000_000,
    extensions: {},
    key: 'key' in over ? over.key : 'c',
    data: value,
  })
}

const json = (data: unknown): Uint8Array => Buffer.from(JSON.stringify(data))

function hex(value: Uint8Array | null): string {
  return value === null ? 'null' : Buffer.from(value).toString('hex')
}

async function allIsDone(a: App<boolean>): Promise<boolean> {
  return (await a.groups()).every(group => group.lag === 0n && group.parked === 0)
}

describe('poison', () => {
  it('hazard 41: keeps whatever cannot be read as whole letters, and everything else flows', async () => {
    const a = app({ name: 'test', log: anyLog() })
    let handled = 0
    a.consumer('billing', orders, { from: 'earliest' }).on('placed', () => void (handled += 1))
    await a.start()
    const random = seededRandom(41)
    const bytes = (): Uint8Array =>
      Uint8Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 256))
    const poison: NewRecord[] = [
      record(bytes()),
      record(new Uint8Array(0)),
      record(null), // hazard 42: a tombstone on a topic that has none
      record(json({ customer: 'c' })),
      record(json({ customer: 'c', n: 'NaN' })),
      record(Buffer.from('[[[[')),
      record(Buffer.from([0, 0, 0, 0, 1, 0x7b])), // the framing of another registry
      { key: 'c', value: json({ customer: 'c', n: 1 }), headers: {} }, // no CloudEvents attributes at all
      { key: undefined, value: bytes(), headers: { ce_id: 'x' } },
    ]
    const records = Array.from({ length: 900 }, (_, i) =>
      i % 100 === 50
        ? (poison[Math.floor(i / 100)] ?? record(bytes()))
        : record(json({ customer: `c${i}`, n: i }), { key: `c${i}` }),
    )
    await a.system.log.append('orders', records)
    await until(() => allIsDone(a))
    expect(handled).toBe(900 - 9)
    const letters = await toArray(a.dead('billing').list())
    expect(letters).toHaveLength(9)
    for (const letter of letters) {
      expect(['decode', 'schema']).toContain(letter.reason)
      expect(letter.attempts).toBe(0)
    }
    // Byte for byte, with their headers and coordinates.
    expect(letters.map(letter => hex(letter.value)).toSorted()).toEqual(
      poison.map(one => hex(one.value)).toSorted(),
    )
    expect(letters.every(letter => !('hf-letter' in letter.headers))).toBe(true)
    await a.stop()
  })

  it('hazard 42: events without a key have lanes of their own and are never taken for one another', async () => {
    const a = app({ name: 'test', log: anyLog() })
    const seen: string[] = []
    a.consumer('billing', orders, { from: 'earliest', concurrency: 50 }).on('placed', async e => {
      expect(e.key).toBeUndefined()
      seen.push(e.data.customer)
    })
    await a.start()
    await a.system.log.append(
      'orders',
      Array.from({ length: 50 }, (_, i) => record(json({ customer: `c${i}`, n: i }), { key: undefined })),
    )
    await until(() => allIsDone(a))
    expect(new Set(seen).size).toBe(50)
    await a.stop()
  })

  it('brings old versions up, and waits at a type or version that nobody here knows', async () => {
    const a = app({ name: 'test', log: anyLog() })
    const seen: unknown[] = []
    a.consumer('billing', orders, { from: 'earliest' }).on(
      'placed',
      e => void seen.push([e.version, e.data.n]),
    )
    await a.start()
    await a.system.log.append('orders', [
      record(json({ customer: 'c' }), { version: 1 }),
      record(json({ customer: 'c', n: 5 })),
      record(json({ customer: 'c', n: 6, new: true }), { version: 3 }),
      record(json({ customer: 'c', n: 7 })),
    ])
    await until(async () => (await a.groups())[0]?.state === 'stopped')
    await until(() => seen.length === 2)
    expect(seen).toEqual([
      [1, 0],
      [2, 5],
    ])
    const [group] = await a.groups()
    expect(group?.reason).toContain('EVENT_TYPE_UNKNOWN')
    expect(group?.reason).toContain('version 3, known up to 2')
    expect(group?.lag).toBe(2n)
    expect(await toArray(a.dead('billing').list())).toEqual([])
    await a.stop()
  })

  it('waits at a type that the topic does not have, however harmless it looks', async () => {
    const a = app({ name: 'test', log: anyLog() })
    a.consumer('billing', orders, { from: 'earliest', unhandled: 'skip' }).on('placed', () => {})
    await a.start()
    await a.system.log.append('orders', [
      record(json({}), { type: 'renamed' }),
      record(json({ customer: 'c', n: 1 })),
    ])
    await until(async () => (await a.groups())[0]?.state === 'stopped')
    const [group] = await a.groups()
    expect(group?.reason).toContain('has type "renamed"')
    expect(group?.lag).toBe(2n)
    await a.stop()
  })

  it('a process that ends between the letter and its mark in the lane leaves the event dead: it does not run again', async () => {
    const system = await anyLog().open({ clock: systemClock, random: Math.random, logger: silentLogger })
    /** The same records and positions for two processes, one after another. */
    const shared = keptOpen(system)
    const append = system.log.append.bind(system.log)
    let crashed = false
    const runs: string[] = []
    const start = async (name: string): Promise<App<false>> => {
      const a = app({ name, log: shared })
      a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', e => {
        runs.push(`${name} ${e.data.n}`)
        if (name === 'first') throw new Error('broken here')
      })
      await a.start()
      return a
    }
    const first = await start('first')
    await until(async () => (await first.groups())[0]?.state === 'running')
    // The crash: the letter is the last that this process writes.
    system.log.append = async (name, records) => {
      if (crashed) throw new Error('gone')
      const outcomes = await append(name, records)
      crashed = name.endsWith('.dead')
      return outcomes
    }
    await append(
      'orders',
      [0, 1, 2].map(n => record(json({ customer: 'c', n }))),
    )
    await until(() => crashed)
    await first.stop({ drain: '0ms' })
    system.log.append = append
    const second = await start('second')
    await system.log.append('orders', [record(json({ customer: 'c', n: 3 }))])
    await until(() => allIsDone(second))
    expect(runs).toEqual(['first 0', 'second 1', 'second 2', 'second 3'])
    expect(await toArray(second.dead('billing').list())).toHaveLength(1)
    await second.stop()
  })

  it('holds back an event whose letter cannot be written until it is, and drops neither', async () => {
    const system = await anyLog().open({ clock: systemClock, random: Math.random, logger: silentLogger })
    const append = system.log.append.bind(system.log)
    let refused = 0
    system.log.append = async (topic, records) => {
      if (!topic.endsWith('.dead') || refused === 2) return append(topic, records)
      refused += 1
      throw new HoldfastError('LOG_FULL', { detail: 'planted' })
    }
    const a = app({ name: 'shop', log: { kind: 'memory', where: 'memory', open: async () => system } })
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', () => {
      throw new Error('broken here')
    })
    await a.start()
    await append('orders', [record(json({ customer: 'c', n: 0 }))])
    await until(() => refused === 1)
    expect(await a.groups()).toMatchObject([{ lag: 0n, parked: 1 }])
    await until(() => allIsDone(a))
    expect(refused).toBe(2)
    expect(await toArray(a.dead('billing').list())).toHaveLength(1)
    await a.stop()
  })

  it('skips what it has no handler for by default, and kills or waits when told', async () => {
    const results: Record<string, unknown> = {}
    for (const unhandled of ['skip', 'dead', 'pause'] as const) {
      const a = app({ name: 'test', log: anyLog() })
      a.consumer('billing', orders, { from: 'earliest', unhandled }).on('placed', () => {})
      await a.start()
      await a.system.log.append('orders', [
        record(json({ customer: 'c' }), { type: 'cancelled', version: 1 }),
        record(json({ customer: 'c', n: 1 })),
      ])
      await until(async () => (await allIsDone(a)) || (await a.groups())[0]?.state === 'stopped')
      const [group] = await a.groups()
      results[unhandled] = [
        group?.lag,
        (await toArray(a.dead('billing').list())).map(letter => letter.reason),
      ]
      await a.stop()
    }
    expect(results).toEqual({ skip: [0n, []], dead: [0n, ['unhandled']], pause: [2n, []] })
  })

  it('pauses before a mistake of ours kills a whole topic, names the cause, and goes on when told', async () => {
    const a = app({ name: 'test', log: anyLog() })
    let broken = true
    let handled = 0
    a.consumer('billing', orders, { from: 'earliest', retry: [], concurrency: 4 }).on('placed', () => {
      if (broken) throw new TypeError('cents is undefined')
      handled += 1
    })
    await a.start()
    await a.system.log.append(
      'orders',
      Array.from({ length: 500 }, (_, i) => record(json({ customer: `c${i}`, n: i }), { key: `c${i}` })),
    )
    await until(async () => (await a.groups())[0]?.reason?.includes('dead-letter flood') === true)
    const [group] = await a.groups()
    expect(group?.reason).toContain('cents is undefined')
    const died = async (): Promise<number> => (await toArray(a.dead('billing').list())).length
    await until(async () => (await died()) >= 50)
    expect(await died()).toBe(50)
    broken = false
    await a.group('billing').resume({ allowDeadFor: '10m' })
    await until(() => allIsDone(a))
    // Nothing more died: what had failed was tried anew by the mended handler.
    expect(await toArray(a.dead('billing').list())).toHaveLength(50)
    expect(handled).toBe(450)
    await a.stop()
  })
})
