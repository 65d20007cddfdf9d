/** Commits with one event each, on a fixed schedule, and a relay of another app, which hears of them by its poll alone. */
import { setTimeout as wait } from 'node:timers/promises'
import { app, embedded, postgres, topic } from 'holdfast'
import { z } from 'zod'
import { offset } from '../../src/event/index.ts'
import { given, tell } from '../frame/stopwatch.ts'

const { database, folder, warm, perSecond, count } = given<{
  database: string
  folder: string
  /** Commits before those that count. */
  warm: number
  perSecond: number
  count: number
}>()
const sold = topic('sold', { key: 'item', partitions: 1, events: { sold: z.object({ item: z.string() }) } })
const writer = app({ name: 'writer', log: embedded(folder), db: postgres(database) })
const relay = app({ name: 'relay', log: embedded(folder), db: postgres(database) })
await writer.start({ roles: ['collector'] })
await relay.start({ roles: ['relay'] })

const committed = new Map<string, number>()
const seen = new Map<string, number>()
/** Nobody looks often at an outbox that was never used: the schedule begins when its first event is there. */
const isUsed = Promise.withResolvers<void>()
async function write(): Promise<void> {
  await isUsed.promise
  const due = performance.now()
  const all: Promise<void>[] = []
  for (let n = 0; n < warm + count; n++) {
    await wait(Math.max(0, due + (n * 1_000) / perSecond - performance.now()))
    const item = `i${n}`
    const commit = writer.transaction(tx => tx.publish(sold, 'sold', { item }, { id: item }))
    all.push(commit.then(({ id }) => void committed.set(id, performance.now())))
  }
  await Promise.all(all)
}

async function read(): Promise<void> {
  const { log } = relay.system
  const limits = { maxRecords: 1_000, maxBytes: 1e6, waitMs: 1_000 }
  for (let next = offset(0); seen.size <= warm + count;) {
    const page = await log.read({ topic: sold.name, partition: 0, offset: next }, limits, AbortSignal.any([]))
    for (const { headers } of page.records) seen.set(headers['ce_id'] ?? '', performance.now())
    if (seen.size > 0) isUsed.resolve()
    next = page.next
  }
}

await writer.transaction(tx => tx.publish(sold, 'sold', { item: 'first' }, { id: 'first' }))
await Promise.all([write(), read()])
const took = Array.from({ length: count }, (_, n) => {
  const id = `i${warm + n}`
  return (seen.get(id) ?? Number.NaN) - (committed.get(id) ?? Number.NaN)
})
tell({ took })
