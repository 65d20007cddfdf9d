/**
 * What must compile and what must not. Checked by `npm run types`; nothing here runs.
 */
import * as v from 'valibot'
import { app, memory, topic, type EventOf } from 'holdfast'
import { z } from 'zod'
import type { Database } from '../../src/sink/index.ts'

export const events = topic('events.raw', {
  key: e => `${e.tenantId}/${e.campaignId}`,
  partitions: 12,
  retain: '30d',
  events: {
    click: {
      version: 2,
      schema: z.object({
        tenantId: z.string(),
        campaignId: z.string(),
        email: z.string(),
        cents: z.number(),
      }),
      pii: ['email'],
      upcast: { 1: old => ({ ...old, cents: 0 }) },
    },
    published: z.object({ tenantId: z.string(), campaignId: z.string() }),
  },
})
const users = topic('users', {
  key: 'userId',
  events: { registered: v.object({ userId: v.string(), name: v.string() }) },
})
const lines = topic('lines', { events: { line: z.object({ s: z.string() }) } })

type Click = EventOf<typeof events, 'click'>
const click: Click = { tenantId: 't', campaignId: 'c', email: 'e', cents: 1 }

declare const db: Database
const a = app({ name: 'm', db, log: memory() })

export async function compiles(): Promise<void> {
  await a.publish(events, 'click', click, { id: 'req-42' })
  a.consumer('analytics', events, {
    from: 'earliest',
    order: 'key',
    concurrency: 64,
    retry: ['1s', '30s', '5m'],
    rate: '500/s',
    needs: { geo: { probe: () => fetch('http://geo/healthz'), breaker: { failures: 5, window: '60s' } } },
    onError: error =>
      error instanceof RangeError ? 'dead' : (error as Error).name === 'x' ? { pause: 'geo' } : undefined,
  })
    .effect('click', async (e, tx) => {
      const n: number = e.data.cents
      await tx.query('u', [n, e.data.campaignId])
    })
    .on('published', async (e, ctx) => {
      const s: string = e.data.campaignId
      await fetch('h', { headers: { k: ctx.idempotencyKey, s }, signal: ctx.signal })
      await ctx.publish(users, 'registered', { userId: 'u', name: 'n' })
      // @ts-expect-error a wrong payload of a derived event
      await ctx.publish(users, 'registered', { userId: 'u' })
    })
  a.consumer('archive', events, { from: 'earliest', order: 'partition', dedup: 'offsets' }).effectBatch(
    ['click', 'published'],
    { max: 500, within: '200ms' },
    async (batch, tx, { fail }) => {
      batch.forEach((e, i) => {
        if (!e.data.tenantId) fail(i, new Error('x'))
        // The type tells which event it is.
        if (e.type === 'click') e.data.cents.toFixed()
      })
      await tx.query('i')
    },
  )
  a.consumer('notify', [events, users], { from: 'latest', order: 'key' })
    .on('registered', e => void e.data.name.trim())
    .effect('click', async (e, tx) => void (await tx.query('q', [e.data.cents])))
}

export async function doesNotCompile(): Promise<void> {
  // @ts-expect-error wrong payload
  await a.publish(events, 'click', { tenantId: 't1' })
  // @ts-expect-error unknown event
  await a.publish(events, 'deleted', {})
  // @ts-expect-error unknown event
  a.consumer('x', events, { from: 'earliest' }).on('deleted', () => {})
  // @ts-expect-error order by key needs a key
  a.consumer('y', lines, { from: 'earliest', order: 'key' })
  // @ts-expect-error one of the topics has no key
  a.consumer('y2', [events, lines], { from: 'earliest', order: 'key' })
  a.consumer('z', events, {
    from: 'earliest',
    needs: { geo: { probe: async () => 1 } },
    // @ts-expect-error undeclared dependency
    onError: () => ({ pause: 'goe' }),
  })
  // @ts-expect-error from is required
  a.consumer('w', events, { order: 'key' })
  // @ts-expect-error bad duration
  a.consumer('w', events, { from: 'earliest', retry: ['1x'] })
  // @ts-expect-error bad rate
  a.consumer('w', events, { from: 'earliest', rate: '5/h' })
  // @ts-expect-error unknown verdict
  a.consumer('w', events, { from: 'earliest', onError: () => 'drop' })
  const bare = app({ name: 'n', log: memory() })
  bare.consumer('w', events, { from: 'earliest' }).on('click', e => void e.data.cents)
  // @ts-expect-error no database, so no effect
  bare.consumer('w', events, { from: 'earliest' }).effect('click', async () => {})
  topic('bad', {
    // @ts-expect-error key over a field that not all events have
    key: 'cents',
    events: { a: z.object({ cents: z.string() }), b: z.object({ x: z.string() }) },
  })
  topic('ok', {
    key: ['tenantId', 'campaignId'],
    events: {
      a: z.object({ tenantId: z.string(), campaignId: z.string(), n: z.number() }),
      b: z.object({ tenantId: z.string(), campaignId: z.string() }),
    },
  })
}
