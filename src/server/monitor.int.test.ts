import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { embedded } from '../drivers/embedded/index.ts'
import { topic } from '../schema/index.ts'
import { app } from './app.ts'

const orders = topic('orders', { events: { placed: z.object({ cents: z.number() }) } })

it('a log on disk shows its syncs, its size, and the room that the disk has left', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-monitor-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const a = app({ name: 'shop', log: embedded(join(folder, 'log')) })
  await a.start()
  try {
    for (let cents = 0; cents < 3; cents++) await a.publish(orders, 'placed', { cents })
    const text = await a.admin.metrics.text()
    const value = (name: string): number => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1])
    expect(value('log_fsync_duration_seconds_count')).toBeGreaterThanOrEqual(3)
    expect(value('log_fsync_duration_seconds_sum')).toBeGreaterThan(0)
    expect(value('log_disk_used_bytes')).toBeGreaterThan(0)
    expect(value('log_disk_free_bytes')).toBeGreaterThan(0)
    const { standing, log } = await a.admin.report()
    expect(log).toEqual({ kind: 'embedded', durability: 'fsync' })
    expect(standing.space?.usedBytes).toBe(value('log_disk_used_bytes'))
  } finally {
    await a.stop()
  }
})
