import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { seed } from '../harness/scale.ts'
import { noSmallDisk, smallDisk } from '../harness/small-disk.ts'
import { until } from '../harness/until.ts'
import { auditGroup, auditLog, expectClean } from './audited.ts'
import { startSystem } from './system.ts'

test.skipIf(noSmallDisk)(
  'hazards 13, 17: the disk of the log is full: not ready within 5 s and 503 not_stored, ready again by itself, nothing lost',
  async () => {
    const disk = smallDisk(192)
    const system = await startSystem({ groups: ['each'], data: join(disk.folder, 'log') })
    const running = await startLoad({
      ...system.load,
      run: 'd',
      ratePerSecond: 200,
      seconds: 16,
      keys: 20,
      seed,
    })
    await wait(3_000)
    expect((await system.status()).ready).toBe(true)

    const bytes = disk.fill()
    const full = performance.now()
    await until('it says that it is not ready', async () => !(await system.status()).ready, 5_000)
    const noticed = Math.round(performance.now() - full)
    await wait(3_000)
    // Still there, and still honest.
    expect((await system.status()).ready).toBe(false)
    disk.free()
    await until('it is ready again', async () => (await system.status()).ready)

    const { summary, ledger } = await running.finished()
    await system.drained()
    observed(
      `${bytes} bytes until ENOSPC; not ready after ${noticed} ms; answers ${JSON.stringify(summary.why)}`,
    )
    expect(summary.why['503 not_stored']).toBeGreaterThan(0)
    expect(summary.unanswered).toBe(0)
    expect(summary.accepted).toBeGreaterThan(0)
    expectClean(await auditLog(system, ledger))
    expectClean(await auditGroup(system, ledger, 'each'))
  },
)
