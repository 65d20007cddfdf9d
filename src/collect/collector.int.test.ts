import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { describeCollector } from '../../test/harness/collector-suite.ts'
import { rig } from '../../test/harness/collector.ts'
import { until } from '../../test/harness/until.ts'
import { boundLog } from '../../test/support/bound-log.ts'
import { describeOn } from '../../test/support/test-logs.ts'
import { embedded } from '../drivers/embedded/index.ts'
import { seededRandom, silentLogger, systemClock } from '../event/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-collect-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describeOn(['embedded'], 'the collector', on => {
  describeCollector(
    async clock => {
      const driver = await on.fresh()
      const system = await driver.open({ clock, random: seededRandom(1), logger: silentLogger })
      return { ...boundLog(system.log), close: () => system.close() }
    },
    on.knowsIds ? { durability: 'fsync' } : { durability: 'single', dedup: 'local' },
  )
})

describe('hazards 13 and 17: a log on disk that is full', () => {
  it('answers not_stored and is not ready, and both end by themselves once old events are gone', async () => {
    const driver = embedded(join(folder, 'full'), { maxBytes: 4 * 1024 * 1024 })
    const env = { clock: systemClock, random: seededRandom(1), logger: silentLogger }
    const { log } = await driver.open(env)
    const { post, stored, collector, close } = await rig({ openLog: () => Promise.resolve(log) })
    const event = JSON.stringify({ type: 'note', data: 'x'.repeat(100_000) })
    let kept = 0
    const full = await until('the log to be full', async () => {
      const answer = await post(event)
      if (answer.status === 202) kept++
      return answer.status !== 202 && answer
    })
    expect([full.status, full.json.code]).toEqual([503, 'not_stored'])
    expect(kept).toBeGreaterThan(10)
    expect(await collector.ready()).toMatchObject({
      ready: false,
      reason: expect.stringContaining('no room'),
    })
    expect(await stored()).toHaveLength(kept)

    await log.topics.create('notes', { partitions: 1, retentionBytes: 500_000 })
    await log.enforceRetention?.(new AbortController().signal)
    await until('it to be ready again', async () => (await collector.ready()).ready)
    expect((await post(event)).status).toBe(202)
    await close()
  })
})
